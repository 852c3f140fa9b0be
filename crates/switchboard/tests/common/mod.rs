//! Running `switchboard run` and talking to its guest.

#![allow(dead_code, unused_imports, reason = "each test binary uses a part of it")]
#![allow(missing_docs, unreachable_pub, reason = "a module of tests")]

mod operator;
mod terminal;

use std::{
    env, fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

pub use operator::Operator;
pub use terminal::{Mode, Terminal};

/// How long a guest may take for anything. A lab on a busy machine is slow; a test that hangs is slower.
const PATIENCE: Duration = Duration::from_secs(180);

/// A path that the lab gives. Without it the test fails: it never passes for want of a lab.
pub fn lab_path(variable: &str) -> PathBuf {
    env::var_os(variable)
        .unwrap_or_else(|| panic!("{variable} is not set: this test runs in the lab, by `cargo xtask test`"))
        .into()
}

/// Is this the host on which those tests are run that are about what is ours alone? KVM's part in it is what every other
/// test uses too.
pub fn is_principal_host() -> bool {
    is_only_host() || fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().starts_with("6.12")
}

/// Is this the host for half of the combinations? Each of two hosts has one half, and with `--long` both have all.
pub fn has_turn(half: Half) -> bool {
    let principal = if is_principal_host() { Half::First } else { Half::Second };
    is_long() || is_only_host() || half == principal
}

/// Is there no other host for these tests? A machine of its own has one kernel.
fn is_only_host() -> bool {
    env::var_os("SWITCHBOARD_LAB").is_some_and(|lab| lab == "native")
}

/// Half of what can be combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    First,
    Second,
}

/// Are tests that have a long form to be run in it? `cargo xtask test --long` says so.
pub fn is_long() -> bool {
    env::var_os("SWITCHBOARD_LONG").is_some()
}

/// A `switchboard run` whose guest's console is on pipes.
pub struct Guest {
    child: Child,
    input: Option<ChildStdin>,
    output: Arc<Output>,
    errors: Option<thread::JoinHandle<String>>,
    calls: PathBuf,
    /// How far the output has been matched.
    seen: usize,
}

#[derive(Default)]
struct Output {
    state: Mutex<(Vec<u8>, bool)>,
    changed: Condvar,
    /// Is nothing to be read?
    held: Mutex<bool>,
    released: Condvar,
}

/// What is left of a guest that has ended.
pub struct Ended {
    pub status: ExitStatus,
    pub output: String,
    pub errors: String,
    /// The list of calls, as `--json` gives it.
    pub calls: Value,
}

impl Guest {
    /// The Linux guest of the tests: its init reads commands from the console. It is quiet unless it is given a
    /// command line.
    pub fn linux(arguments: &[&str]) -> Self {
        let kernel = lab_path("SWITCHBOARD_GUEST_KERNEL");
        let initrd = lab_path("SWITCHBOARD_GUEST_INITRD");
        let boot = ["--kernel", path(&kernel), "--initrd", path(&initrd)];
        let quiet: &[&str] = if arguments.contains(&"--append") { &[] } else { &["--append", "quiet"] };
        Self::start(&[&boot[..], quiet, arguments].concat())
    }

    /// The bare-metal guest of the tests.
    pub fn bare(tests: &str, arguments: &[&str]) -> Self {
        let kernel = lab_path("SWITCHBOARD_GUEST_BARE");
        let boot = ["--kernel", path(&kernel), "--append", tests];
        Self::start(&[&boot[..], arguments].concat())
    }

    /// The Linux guest with this kernel: `6.12`, `7.2`, or `6.12-full`, which has every driver that Debian builds.
    pub fn linux_of(version: &str, arguments: &[&str]) -> Self {
        let suffix = match version {
            "6.12" => "",
            "7.2" => "_7_2",
            "6.12-full" => "_6_12_FULL",
            _ => panic!("there is no guest kernel {version}"),
        };
        let kernel = lab_path(&format!("SWITCHBOARD_GUEST_KERNEL{suffix}"));
        let initrd = lab_path(&format!("SWITCHBOARD_GUEST_INITRD{suffix}"));
        Self::start(&[&["--kernel", path(&kernel), "--initrd", path(&initrd)], arguments].concat())
    }

    pub fn start(arguments: &[&str]) -> Self {
        static NUMBER: Mutex<u32> = Mutex::new(0);
        let number = {
            let mut number = NUMBER.lock().unwrap();
            *number += 1;
            *number
        };
        let calls = env::temp_dir().join(format!("calls-{}-{number}.json", std::process::id()));
        let mut child = Command::new(lab_path("SWITCHBOARD_BIN"))
            .arg("run")
            .args(arguments)
            .args(["--json", "--calls", path(&calls)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = Arc::new(Output::default());
        let mut stdout = child.stdout.take().unwrap();
        // So that a guest whose output is held soon feels it.
        rustix::pipe::fcntl_setpipe_size(&stdout, 4096).unwrap();
        let collector = Arc::clone(&output);
        thread::spawn(move || collector.collect(&mut stdout));
        let mut stderr = child.stderr.take().unwrap();
        let errors = thread::spawn(move || {
            let mut text = String::new();
            let _ = stderr.read_to_string(&mut text);
            text
        });
        let input = child.stdin.take();
        Self { child, input, output, errors: Some(errors), calls, seen: 0 }
    }

    pub fn send(&mut self, text: &str) {
        self.input.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// Waits until the guest has printed `text`, after everything that was expected before.
    pub fn expect(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.output.lock();
        loop {
            if let Some(at) = find(&state.0[self.seen..], text.as_bytes()) {
                self.seen += at + text.len();
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.1 {
                drop(state);
                self.give_up(&format!("the guest did not print {text:?}"));
            }
            state = self.output.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Reads no more of what the guest prints. Once it has printed more than a pipe and the monitor hold, some 10 KiB, its
    /// serial port is full.
    pub fn hold_output(&mut self) {
        *self.output.held.lock().unwrap() = true;
    }

    /// Waits until the monitor cannot write any more of it. The serial port has room for some still.
    pub fn wait_until_nobody_takes_output(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let is_stuck = |line: &str| line.starts_with("console-out:") && line.contains("pipe_write");
        while !self.thread_states().lines().any(is_stuck) {
            if Instant::now() >= deadline {
                self.give_up("the guest does not print so much that it has to wait");
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Goes on reading.
    pub fn release_output(&mut self) {
        *self.output.held.lock().unwrap() = false;
        self.output.released.notify_all();
    }

    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Sends a command line and returns what it prints, up to the end of its last line.
    pub fn ask(&mut self, command: &str) -> String {
        // Where the shell echoes what it is sent, the marks are not in the echo.
        self.send(&format!("echo be''gin; {command}; echo e''nd\n"));
        self.expect("begin\n");
        let start = self.seen;
        self.expect("end\n");
        let state = self.output.lock();
        String::from_utf8_lossy(&state.0[start..self.seen - "end\n".len()]).trim().to_owned()
    }

    /// Has it printed this, after everything that was expected before?
    pub fn has_printed(&self, text: &str) -> bool {
        find(&self.output.lock().0[self.seen..], text.as_bytes()).is_some()
    }

    /// How many threads the process has.
    pub fn threads(&self) -> usize {
        fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().count()
    }

    /// The CPU time of the process so far, of which 100 ticks are a second.
    pub fn cpu_ticks(&self) -> u64 {
        ticks(&fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap())
    }

    /// A figure of `/proc/PID/status`, in KiB.
    pub fn memory(&self, figure: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(figure)).unwrap();
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Waits for the end.
    pub fn end(mut self) -> Ended {
        self.input.take();
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() >= deadline {
                self.give_up("the guest does not end");
            }
            thread::sleep(Duration::from_millis(10));
        };
        let errors = self.errors.take().unwrap().join().unwrap();
        let output = self.output.wait_for_end();
        let calls = fs::read_to_string(&self.calls).unwrap();
        // It is empty where no machine has run.
        let calls = if calls.is_empty() { Value::Null } else { serde_json::from_str(&calls).unwrap() };
        let _ = fs::remove_file(&self.calls);
        Ended { status, output, errors, calls }
    }

    /// Fails, with everything that is needed to see why: what seldom hangs is not seen again soon.
    #[track_caller]
    fn give_up(&mut self, what: &str) -> ! {
        let before = self.thread_states();
        thread::sleep(Duration::from_secs(1));
        let after = self.thread_states();
        let _ = self.child.kill();
        let errors = self.errors.take().map(|errors| errors.join().unwrap()).unwrap_or_default();
        let printed = String::from_utf8_lossy(&self.output.lock().0).into_owned();
        panic!(
            "{what}; it printed:\n{printed}\nswitchboard said:\n{errors}\n\
             its threads:\n{before}\na second later:\n{after}"
        );
    }

    /// A line for each thread: its name, its CPU time (100 ticks are a second), where it waits, and its system call.
    fn thread_states(&self) -> String {
        let mut lines = String::new();
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id())).into_iter().flatten().flatten()
        {
            let read = |file| fs::read_to_string(thread.path().join(file)).unwrap_or_default();
            let (name, place, call) = (read("comm"), read("wchan"), read("syscall"));
            lines += &format!("{}: {} ticks, {place}, {}\n", name.trim(), ticks(&read("stat")), call.trim());
        }
        lines
    }
}

/// User and system time of a `stat` of `/proc`. The name is in parentheses, and may hold anything; the times are the 12th and
/// 13th field behind it.
fn ticks(stat: &str) -> u64 {
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    /// A test that has failed while it held the lock has a message of its own.
    fn lock(&self) -> MutexGuard<'_, (Vec<u8>, bool)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collect(&self, source: &mut impl Read) {
        let mut buffer = [0; 4096];
        loop {
            let held = self.held.lock().unwrap();
            drop(self.released.wait_while(held, |held| *held).unwrap());
            let count = source.read(&mut buffer).unwrap_or(0);
            let mut state = self.lock();
            state.0.extend(&buffer[..count]);
            state.1 = count == 0;
            self.changed.notify_all();
            if count == 0 {
                return;
            }
        }
    }

    fn wait_for_end(&self) -> String {
        let state = self.lock();
        let state = self.changed.wait_while(state, |state| !state.1).unwrap();
        String::from_utf8_lossy(&state.0).into_owned()
    }
}

impl Ended {
    #[track_caller]
    pub fn assert_code(&self, code: i32) {
        assert_eq!(self.status.code(), Some(code), "{}\n{}", self.output, self.errors);
    }

    /// A figure of the row of one function over one conduit; 0 where there is no such row.
    pub fn call(&self, function: &str, conduit: &str, figure: &str) -> u64 {
        let rows = self.calls["calls"].as_array().expect("the calls are listed");
        rows.iter()
            .filter(|row| row["function"] == function && row["conduit"] == conduit)
            .map(|row| row[figure].as_u64().unwrap())
            .sum()
    }

    /// Every test in the guest's TAP passed, and as many ran as it planned.
    #[track_caller]
    pub fn assert_tap(&self) {
        let lines = || self.output.lines().map(str::trim);
        let planned: usize = lines()
            .find_map(|line| line.strip_prefix("1.."))
            .and_then(|count| count.parse().ok())
            .unwrap_or_else(|| panic!("no plan in:\n{}\n{}", self.output, self.errors));
        let passed = lines().filter(|line| line.starts_with("ok ")).count();
        let failed = lines().filter(|line| line.starts_with("not ok ")).count();
        assert!(planned > 0 && (passed, failed) == (planned, 0), "{}\n{}", self.output, self.errors);
    }
}

pub fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
