//! The tests on arm64 hosts with KVM: all of them in one run of the lab for each kernel.

use std::fs;
use std::io::{self, Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};

use super::again::{self, Attempt};
use super::libtest::{MARK, Program, Reader};
use super::summary::Summary;
use crate::cli::{Kernel, Place};
use crate::cross;
use crate::guest::{self, Purpose};
use crate::guests;
use crate::lab::{Input, Lab, Output, Streams};
use crate::setup::toolchain::CrossToolchain;
use crate::setup::{Loader, kernels};
use crate::trouble::{self, Trouble};
use crate::workspace;

/// The packages whose tests want KVM, by their folders under `crates/`.
const PACKAGES: [(&str, &str); 4] = [
    ("kvm", "switchboard-kvm"),
    ("machine", "switchboard-machine"),
    ("mutants", "switchboard-mutants"),
    ("switchboard", "switchboard"),
];
/// Begins the name of each such test.
const PREFIX: &str = "lab_";
/// Begins the name of each test for a host of its own.
const SPECIAL_PREFIX: &str = "lab_on_";
/// The Linux guests of the tests, by what follows the names of their variables and files: `SWITCHBOARD_GUEST_KERNEL` and
/// `SWITCHBOARD_GUEST_INITRD`.
const GUESTS: [(&str, Kernel); 3] =
    [("", Kernel::V6_12), ("_7_2", Kernel::V7_2), ("_6_12_FULL", Kernel::V6_12Full)];
/// Tests that hang must not hang their caller.
const TIMEOUT: Duration = Duration::from_secs(45 * 60);

/// Which tests are run, and how long they may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selection<'a> {
    /// Those whose name contains it.
    pub(crate) filter: Option<&'a str>,
    pub(crate) length: Length,
}

/// How long tests are that have two forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Usual,
    Long,
}

/// What one run needs, ready to be put into the lab.
pub(crate) struct Prepared {
    folder: tempfile::TempDir,
    tests: Vec<cross::Program>,
    switchboard: PathBuf,
    /// The kernels of [`GUESTS`].
    guest_kernels: Vec<PathBuf>,
    has_bare_guest: bool,
}

/// Builds what the tests need; nothing, if there are none.
pub(crate) fn prepare(toolchain: &CrossToolchain) -> Result<Option<Prepared>> {
    let packages: Vec<_> =
        PACKAGES.iter().filter(|(folder, _)| has_tests(folder)).map(|(_, name)| *name).collect();
    if packages.is_empty() {
        return Ok(None);
    }
    eprintln!("test: building for arm64");
    build(toolchain, &packages).map(Some)
}

/// Runs the tests on a host of each kernel, and those for a special host on that one. Without `kernels`, on all.
pub(crate) fn run(
    prepared: Result<Option<Prepared>>,
    kernels: &[Kernel],
    place: Place,
    selection: Selection<'_>,
    summary: &mut Summary,
) -> Result<()> {
    let prepared = match prepared {
        Ok(Some(prepared)) => prepared,
        Ok(None) => {
            eprintln!("test: there are no tests for arm64 hosts");
            return Ok(());
        }
        Err(error) => {
            eprintln!("{}", trouble::describe(&error));
            summary.add_check("arm64", "build", false);
            return Ok(());
        }
    };
    for host in hosts(&prepared.tests, kernels, place)? {
        eprintln!("test: tests on the {}", host.name);
        let attempt =
            again::unless_frozen_twice(&host.name, summary, || run_on(&prepared, &host, selection))?;
        let programs = attempt.result;
        for program in &programs {
            summary.add(&host.name, &program.name, program.counts);
        }
        let complete = programs.iter().filter(|program| program.well || program.counts.failed > 0).count();
        match attempt.end {
            Ok(0) if complete == host.tests.len() => continue,
            Ok(status) => {
                eprintln!("error: {complete} of {} programs ended; status {status}", host.tests.len());
            }
            Err(error) => eprintln!("{}", trouble::describe(&error)),
        }
        summary.add_check(&host.name, "lab", false);
    }
    Ok(())
}

/// A host and the tests for it.
struct Host {
    name: String,
    lab: Lab,
    tests: Vec<cross::Program>,
}

/// The hosts that the tests are for: `lab_on_NAME` is for a special one, everything else for each kernel.
fn hosts(tests: &[cross::Program], kernels: &[Kernel], place: Place) -> Result<Vec<Host>> {
    let native = Lab::new(Kernel::V6_12, place).is_native()?;
    let (special, usual): (Vec<_>, Vec<_>) =
        tests.iter().cloned().partition(|program| program.name.starts_with(SPECIAL_PREFIX));
    let everywhere = [Kernel::V6_12, Kernel::V7_2];
    let mut hosts = Vec::new();
    for kernel in if kernels.is_empty() { &everywhere } else { kernels } {
        let name = if native { String::from("this arm64 host") } else { format!("arm64 host, {kernel}") };
        hosts.push(Host { name, lab: Lab::new(kernel.clone(), place), tests: usual.clone() });
        if native {
            // The one kernel of this machine is as good as any that was asked for.
            break;
        }
    }
    for program in special {
        let kind = &program.name[SPECIAL_PREFIX.len()..];
        // A special host is always emulated.
        let mut lab = Lab::new(Kernel::V6_12, Place { native: false, emulated: true });
        match kind {
            "6_1" => lab.kernel = Kernel::V6_1,
            "gic2" => lab.gic = 2,
            "max" => lab.cpu = String::from("max"),
            _ => return Err(Trouble::new(format!("{}: there is no such special host", program.name)).into()),
        }
        if kernels.is_empty() || kernels.contains(&lab.kernel) {
            let name = format!("arm64 host, {}", if kind == "6_1" { "6.1" } else { kind });
            hosts.push(Host { name, lab, tests: vec![program] });
        }
    }
    hosts.retain(|host| !host.tests.is_empty());
    Ok(hosts)
}

fn has_tests(folder: &str) -> bool {
    let folder = workspace::root().join("crates").join(folder).join("tests");
    let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
}

fn build(toolchain: &CrossToolchain, packages: &[&str]) -> Result<Prepared> {
    let mut command = toolchain.cargo();
    command.args(["test", "--no-run", "--release", "--target", toolchain.target]);
    command.args(packages.iter().flat_map(|package| ["--package", package]));
    command.arg("--test").arg(format!("{PREFIX}*"));
    let mut tests = cross::programs(&mut command).context("building the tests for arm64")?;
    tests.retain(|program| program.kind == "test");
    let folder =
        tempfile::Builder::new().prefix("switchboard-test-").tempdir().context("a scratch folder")?;
    let mut guest_kernels = Vec::new();
    for (suffix, kernel) in &GUESTS {
        let image = kernels::guest_image(kernel)?;
        let modules = kernels::modules(&image, Loader::Guest)?;
        let initrd = folder.path().join(format!("initrd{suffix}"));
        guest::initramfs(toolchain, &initrd, Purpose::Script, &modules)?;
        guest_kernels.push(image);
    }
    let has_bare_guest = guests::build(toolchain, &folder.path().join("bare"))?;
    Ok(Prepared { switchboard: cross::switchboard(toolchain)?, guest_kernels, folder, tests, has_bare_guest })
}

/// How many tests of a program run at once.
fn threads(name: &str) -> u8 {
    // Two guests that run Linux keep both CPUs of a host busy. Those about PSCI have a CPU or two, and sleep.
    if name == "lab_psci" { 4 } else { 2 }
}

/// Runs every program, whatever becomes of the others.
fn script(tests: &[cross::Program], lab: &str, selection: Selection<'_>, has_bare_guest: bool) -> String {
    let mut script =
        format!("export SWITCHBOARD_LAB={lab} RUST_BACKTRACE=1 SWITCHBOARD_BIN=$PWD/switchboard\n",);
    for (suffix, _) in &GUESTS {
        script.push_str(&format!(
            "export SWITCHBOARD_GUEST_KERNEL{suffix}=$PWD/guest/Image{suffix}\n\
             export SWITCHBOARD_GUEST_INITRD{suffix}=$PWD/guest/initrd{suffix}\n"
        ));
    }
    if has_bare_guest {
        script.push_str("export SWITCHBOARD_GUEST_BARE=$PWD/guest/bare\n");
    }
    if selection.length == Length::Long {
        script.push_str("export SWITCHBOARD_LONG=1\n");
    }
    for test in tests {
        let (name, threads) = (&test.name, threads(&test.name));
        let filter = selection.filter.filter(|filter| !name.contains(filter));
        let filter = filter.map(|filter| format!(" '{}'", filter.replace('\'', r"'\''"))).unwrap_or_default();
        script.push_str(&format!(
            "echo '{MARK}begin {name}'\ntests/{name} --test-threads={threads}{filter}\necho \"{MARK}end $?\"\n"
        ));
    }
    script.push_str("exit 0\n");
    script
}

fn run_on(prepared: &Prepared, host: &Host, selection: Selection<'_>) -> Result<Attempt<Vec<Program>>> {
    let mut lab = host.lab.clone();
    let kind = if lab.is_native()? { "native" } else { "emulated" };
    let local = |name: &str| prepared.folder.path().join(name);
    fs::write(local("run"), script(&host.tests, kind, selection, prepared.has_bare_guest))?;
    lab.timeout = Some(TIMEOUT);
    lab.silence = Some(again::SILENCE);
    lab.put(&prepared.switchboard, "switchboard").put(local("run"), "run-tests");
    for ((suffix, _), image) in GUESTS.iter().zip(&prepared.guest_kernels) {
        let initrd = format!("initrd{suffix}");
        lab.put(image, format!("guest/Image{suffix}")).put(local(&initrd), Path::new("guest").join(&initrd));
    }
    if prepared.has_bare_guest {
        lab.put(local("bare"), "guest/bare");
    }
    for test in &host.tests {
        lab.put(&test.path, Path::new("tests").join(&test.name));
    }
    let reader = Shared::new(Reader::new(stdout(), |name| format!("\n     Running {name}\n")));
    let streams =
        Streams { input: Input::Null, stdout: Output::To(Box::new(reader.clone())), stderr: Output::Inherit };
    let end = lab.run(&["sh".into(), "run-tests".into()], streams);
    Ok(reader.attempt(end))
}

/// The reader, of which the lab gets one handle and we keep another.
#[derive(Clone)]
struct Shared(Arc<Mutex<Reader<io::Stdout>>>);

impl Shared {
    fn new(reader: Reader<io::Stdout>) -> Self {
        Self(Arc::new(Mutex::new(reader)))
    }

    fn attempt(&self, end: Result<u8>) -> Attempt<Vec<Program>> {
        let reader = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Attempt { result: reader.programs().to_vec(), end, has_failure: reader.has_failure() }
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_names_a_program_runs_all_of_it() {
        let test = cross::Program { name: "lab_kvm".into(), kind: "test".into(), path: "/x".into() };
        let selection = Selection { filter: Some("lab_k"), length: Length::Long };
        let script = script(&[test], "emulated", selection, false);
        assert!(script.contains("tests/lab_kvm --test-threads=2\n") && script.contains("SWITCHBOARD_LONG=1"));
    }

    #[test]
    fn the_script_survives_any_filter() {
        let test = cross::Program { name: "lab_kvm".into(), kind: "test".into(), path: "/x".into() };
        let script =
            script(&[test], "native", Selection { filter: Some("it's"), length: Length::Usual }, false);
        assert!(script.contains(r"tests/lab_kvm --test-threads=2 'it'\''s'"));
        assert!(!script.contains("BARE"));
    }

    #[test]
    fn the_script_tells_the_tests_where_each_guest_is() {
        let script = script(&[], "native", Selection { filter: None, length: Length::Usual }, true);
        for line in [
            "export SWITCHBOARD_GUEST_KERNEL=$PWD/guest/Image\n",
            "export SWITCHBOARD_GUEST_INITRD_7_2=$PWD/guest/initrd_7_2\n",
            "export SWITCHBOARD_GUEST_KERNEL_6_12_FULL=$PWD/guest/Image_6_12_FULL\n",
            "export SWITCHBOARD_GUEST_BARE=$PWD/guest/bare\n",
        ] {
            assert!(script.contains(line), "{line}");
        }
    }
}
