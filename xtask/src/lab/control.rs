//! The lab's control port at this end.

use std::io::{self, Read};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::thread;

use switchboard_lab_init::protocol::Frame;

use super::events::Event;
use super::files;

/// Reads the control port in a thread: files are written here, everything else is an event.
pub(crate) fn obey(listener: UnixListener, get: Vec<(PathBuf, PathBuf)>, events: Sender<Event>) {
    thread::spawn(move || {
        let read = || -> io::Result<()> {
            let (mut socket, _) = listener.accept()?;
            let _ = events.send(Event::Connected(socket.try_clone()?));
            loop {
                let event = match Frame::read(&mut socket)? {
                    Frame::File { index, mode, length } => {
                        let mut content = (&mut socket).take(length);
                        let got = receive(&get, index, mode, &mut content);
                        // Whatever was not wanted is in the way of the next frame.
                        io::copy(&mut content, &mut io::sink())?;
                        got.err().map(Event::NotGot)
                    }
                    Frame::NoFile { index, reason } => Some(Event::NotGot(not_got(&get, index, &reason))),
                    frame => Some(Event::Frame(frame)),
                };
                if event.is_some_and(|event| events.send(event).is_err()) {
                    return Ok(());
                }
            }
        };
        if let Err(error) = read() {
            let _ = events.send(Event::ControlEnded(format!("the lab's control port: {error}")));
        }
    });
}

fn receive(get: &[(PathBuf, PathBuf)], index: u32, mode: u32, content: &mut impl Read) -> Result<(), String> {
    let wanted = usize::try_from(index).ok().and_then(|index| get.get(index));
    let (_, local) = wanted.ok_or_else(|| format!("the lab sent a file that nobody asked for ({index})"))?;
    files::receive(local, mode, content).map(drop).map_err(|error| not_got(get, index, &error.to_string()))
}

fn not_got(get: &[(PathBuf, PathBuf)], index: u32, reason: &str) -> String {
    match usize::try_from(index).ok().and_then(|index| get.get(index)) {
        Some((remote, local)) => format!("getting {} as {}: {reason}", remote.display(), local.display()),
        None => format!("getting file {index}: {reason}"),
    }
}
