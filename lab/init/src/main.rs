//! The `/init` of the lab's emulated arm64 host: runs one command and reports its end.
//!
//! What to run is in the initramfs, as a [`Request`]; its streams and the report go through virtio-serial ports (see
//! [`switchboard_lab_init::protocol`]). Whatever this program has to say for itself goes to the kernel's console,
//! which the host's side keeps and shows when the lab fails.

mod command;
mod perf;
mod ports;
mod report;
mod system;

use std::fs::File;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use switchboard_lab_init::protocol::{CONTROL_PORT, Frame, REQUEST_PATH, Request, Stream};

use crate::command::Running;
use crate::ports::Port;

/// What went wrong, as a sentence for the console: there is nobody to handle it.
type Failure = String;

fn main() {
    if let Err(failure) = system::prepare().and_then(|()| serve()) {
        eprintln!("lab-init: {failure}");
    }
    // Also after a failure: the end of PID 1 is a kernel panic, which would hide the reason.
    system::power_off();
}

/// Finds the control port, runs the command and reports, on that port if anyhow possible.
fn serve() -> Result<(), Failure> {
    let mut control = ports::find(CONTROL_PORT)?;
    let result = run(&mut control);
    if let Err(failure) = &result {
        let told = Frame::Failed(failure.clone()).write(&mut control);
        told.map_err(|error| format!("{failure}; and the control port failed: {error}"))?;
    }
    result
}

fn run(control: &mut Port) -> Result<(), Failure> {
    let mut file = File::open(REQUEST_PATH).map_err(|error| format!("{REQUEST_PATH}: {error}"))?;
    let request = Request::read(&mut file).map_err(|error| format!("{REQUEST_PATH}: {error}"))?;
    let send = |control: &mut Port, frame: Frame| {
        frame.write(control).map_err(|error| format!("{CONTROL_PORT}: {error}"))
    };

    // Until the end. A kernel without perf has nothing to be kept from.
    let _event = perf::hold_an_event();
    let mut running = command::start(&request)?;
    send(control, Frame::Started)?;
    // Files are more than a frame: an answer must not get in between.
    let control = Arc::new(Mutex::new(control.try_clone()?));
    let host = obey(&control, &running)?;
    let status = running.wait()?;
    let (stdout, stderr) = running.drain()?;
    let mut own = lock(&control);
    report::send_files(&mut own, &request.get)?;
    send(&mut own, Frame::Exited { status, stdout, stderr })?;
    drop(own);
    // Bytes may still be on their way to a slow reader; a power-off now would lose them. The host's side ends this
    // machine when it has them all.
    let _ = host.recv();
    Ok(())
}

fn lock(control: &Mutex<Port>) -> MutexGuard<'_, Port> {
    control.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Obeys the host's side in a thread of its own; the receiver ends when that side is gone.
fn obey(answers: &Arc<Mutex<Port>>, running: &Running) -> Result<Receiver<()>, Failure> {
    let answers = Arc::clone(answers);
    let mut control = lock(&answers).try_clone()?;
    let handle = running.handle()?;
    let (gone, host): (Sender<()>, _) = channel();
    thread::spawn(move || {
        // Dropped at the end of the thread, whichever way it comes.
        let _gone = gone;
        loop {
            match Frame::read(&mut control) {
                Ok(Frame::Signal(number)) => handle.signal(number),
                Ok(Frame::Resize(size)) => handle.resize(size),
                Ok(Frame::Closed(Stream::Stdout)) => handle.close_stdout(),
                Ok(Frame::Closed(Stream::Stderr)) => handle.close_stderr(),
                Ok(Frame::Ping) => {
                    if let Err(error) = Frame::Pong.write(&mut *lock(&answers)) {
                        eprintln!("lab-init: {CONTROL_PORT}: {error}");
                    }
                }
                Ok(frame) => eprintln!("lab-init: unexpected {frame:?}"),
                Err(error) => return eprintln!("lab-init: {CONTROL_PORT}: {error}"),
            }
        }
    });
    Ok(host)
}
