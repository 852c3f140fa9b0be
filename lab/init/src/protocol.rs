//! The lab's protocol: one [`Request`] in the initramfs, raw bytes on three ports, [`Frame`]s on a fourth.
//!
//! The ports are virtio-serial ports, found by name. The streams carry the command's bytes and nothing else, with one
//! exception: the first byte on [`STDIN_PORT`] is [`STDIN_OPENED`]. A port that its host side has not opened *yet* reads
//! as ended, just as one that it has closed; the byte tells the two apart.
//!
//! The command's end is the last frame, [`Frame::Exited`]. It carries how many bytes were written to each stream, because
//! bytes on one port may overtake those on another.

use std::io::{self, Read, Write};

/// Carries the command's standard input to the lab.
pub const STDIN_PORT: &str = "lab.stdin";
/// Carries the command's standard output, or its terminal's output, from the lab.
pub const STDOUT_PORT: &str = "lab.stdout";
/// Carries the command's standard error from the lab.
pub const STDERR_PORT: &str = "lab.stderr";
/// Carries frames, both ways.
pub const CONTROL_PORT: &str = "lab.control";

/// The first byte on [`STDIN_PORT`]; it is no part of the command's input.
pub const STDIN_OPENED: u8 = b'\n';

/// Where the initramfs holds the encoded [`Request`].
pub const REQUEST_PATH: &str = "/lab.request";
/// Holds the kernel modules that are loaded first, in the order of their names.
pub const MODULES_FOLDER: &str = "/lab.modules";
/// The folder in which the command runs, and from which relative paths count.
pub const WORKING_FOLDER: &str = "/lab";

/// The longest byte string that is accepted; anything longer is a damaged stream.
const LONGEST: u32 = 16 << 20;

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// A request for a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// The size at the start.
    pub size: WindowSize,
    /// Standard error is no terminal at the host's side: it keeps a stream of its own.
    pub separate_stderr: bool,
}

/// What the lab is to run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The program and its arguments.
    pub command: Vec<Vec<u8>>,
    /// Names and values that are added to the environment.
    pub environment: Vec<(Vec<u8>, Vec<u8>)>,
    /// The command runs on a terminal; without it, on pipes.
    pub terminal: Option<Terminal>,
    /// Files that are sent back when the command has ended.
    pub get: Vec<Vec<u8>>,
}

/// One of the command's two output streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One message on the control port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// To the lab: send this signal to the command's process group.
    Signal(i32),
    /// To the lab: the terminal has a new size.
    Resize(WindowSize),
    /// To the lab: nobody reads this stream any more; the command is to get `EPIPE`.
    Closed(Stream),
    /// To the lab: say [`Frame::Pong`]. Asked while nothing is heard, it tells a command that is silent from a machine
    /// that has stopped.
    Ping,
    /// From the lab: the command runs.
    Started,
    /// From the lab: the lab itself failed; nothing follows.
    Failed(String),
    /// From the lab: a file that was asked for. Its content, `length` bytes, follows the frame.
    File {
        /// Its place in [`Request::get`].
        index: u32,
        /// Its permission bits.
        mode: u32,
        /// How many bytes follow.
        length: u64,
    },
    /// From the lab: a file that was asked for cannot be sent.
    NoFile {
        /// Its place in [`Request::get`].
        index: u32,
        /// Why.
        reason: String,
    },
    /// From the lab: the command has ended; nothing follows but answers.
    Exited {
        /// The exit code, or 128 and the number of the signal that ended it.
        status: u8,
        /// How many bytes went to [`STDOUT_PORT`].
        stdout: u64,
        /// How many bytes went to [`STDERR_PORT`].
        stderr: u64,
    },
    /// From the lab: the answer to [`Frame::Ping`]. It may come after [`Frame::Exited`].
    Pong,
}

impl Request {
    /// Writes the request.
    ///
    /// # Errors
    ///
    /// What `writer` fails with.
    pub fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        write_list(writer, &self.command)?;
        write_list(writer, &self.get)?;
        write_length(writer, self.environment.len())?;
        for (name, value) in &self.environment {
            write_bytes(writer, name)?;
            write_bytes(writer, value)?;
        }
        match self.terminal {
            None => writer.write_all(&[0]),
            Some(terminal) => {
                writer.write_all(&[1, u8::from(terminal.separate_stderr)])?;
                write_size(writer, terminal.size)
            }
        }
    }

    /// Reads what [`Request::write`] wrote.
    ///
    /// # Errors
    ///
    /// What `reader` fails with, or `InvalidData`.
    pub fn read(reader: &mut impl Read) -> io::Result<Self> {
        let command = read_list(reader)?;
        let get = read_list(reader)?;
        let mut environment = Vec::new();
        for _ in 0..read_u32(reader)? {
            environment.push((read_bytes(reader)?, read_bytes(reader)?));
        }
        let terminal = match read_u8(reader)? {
            0 => None,
            1 => Some(Terminal { separate_stderr: read_u8(reader)? != 0, size: read_size(reader)? }),
            other => return Err(invalid(format!("terminal mark {other}"))),
        };
        Ok(Self { command, environment, terminal, get })
    }
}

impl Frame {
    /// Writes the frame, in one call of `writer`: frames of different threads do not mix.
    ///
    /// # Errors
    ///
    /// What `writer` fails with.
    pub fn write(&self, writer: &mut impl Write) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes)?;
        writer.write_all(&bytes)?;
        writer.flush()
    }

    fn encode(&self, bytes: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Signal(number) => {
                bytes.push(1);
                bytes.extend(number.to_le_bytes());
            }
            Self::Resize(size) => {
                bytes.push(2);
                write_size(bytes, *size)?;
            }
            Self::Closed(stream) => bytes.extend([3, u8::from(*stream == Stream::Stderr)]),
            Self::Ping => bytes.push(4),
            Self::Started => bytes.push(16),
            Self::Failed(reason) => {
                bytes.push(17);
                write_bytes(bytes, reason.as_bytes())?;
            }
            Self::File { index, mode, length } => {
                bytes.push(18);
                bytes.extend(index.to_le_bytes());
                bytes.extend(mode.to_le_bytes());
                bytes.extend(length.to_le_bytes());
            }
            Self::NoFile { index, reason } => {
                bytes.push(19);
                bytes.extend(index.to_le_bytes());
                write_bytes(bytes, reason.as_bytes())?;
            }
            Self::Exited { status, stdout, stderr } => {
                bytes.extend([20, *status]);
                bytes.extend(stdout.to_le_bytes());
                bytes.extend(stderr.to_le_bytes());
            }
            Self::Pong => bytes.push(21),
        }
        Ok(())
    }

    /// Reads one frame.
    ///
    /// # Errors
    ///
    /// What `reader` fails with, or `InvalidData`.
    pub fn read(reader: &mut impl Read) -> io::Result<Self> {
        Ok(match read_u8(reader)? {
            1 => Self::Signal(i32::from_le_bytes(read_array(reader)?)),
            2 => Self::Resize(read_size(reader)?),
            3 => Self::Closed(if read_u8(reader)? == 0 { Stream::Stdout } else { Stream::Stderr }),
            4 => Self::Ping,
            16 => Self::Started,
            17 => Self::Failed(read_text(reader)?),
            18 => Self::File { index: read_u32(reader)?, mode: read_u32(reader)?, length: read_u64(reader)? },
            19 => Self::NoFile { index: read_u32(reader)?, reason: read_text(reader)? },
            20 => Self::Exited {
                status: read_u8(reader)?,
                stdout: read_u64(reader)?,
                stderr: read_u64(reader)?,
            },
            21 => Self::Pong,
            other => return Err(invalid(format!("frame kind {other}"))),
        })
    }
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn write_length(writer: &mut impl Write, length: usize) -> io::Result<()> {
    match u32::try_from(length) {
        Ok(length) if length <= LONGEST => writer.write_all(&length.to_le_bytes()),
        _ => Err(invalid(format!("{length} bytes or entries are too many"))),
    }
}

fn write_bytes(writer: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    write_length(writer, bytes.len())?;
    writer.write_all(bytes)
}

fn write_list(writer: &mut impl Write, list: &[Vec<u8>]) -> io::Result<()> {
    write_length(writer, list.len())?;
    list.iter().try_for_each(|bytes| write_bytes(writer, bytes))
}

fn write_size(writer: &mut impl Write, size: WindowSize) -> io::Result<()> {
    writer.write_all(&size.rows.to_le_bytes())?;
    writer.write_all(&size.columns.to_le_bytes())
}

fn read_array<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_u8(reader: &mut impl Read) -> io::Result<u8> {
    read_array(reader).map(|[byte]| byte)
}

fn read_u32(reader: &mut impl Read) -> io::Result<u32> {
    read_array(reader).map(u32::from_le_bytes)
}

fn read_u64(reader: &mut impl Read) -> io::Result<u64> {
    read_array(reader).map(u64::from_le_bytes)
}

fn read_size(reader: &mut impl Read) -> io::Result<WindowSize> {
    Ok(WindowSize {
        rows: u16::from_le_bytes(read_array(reader)?),
        columns: u16::from_le_bytes(read_array(reader)?),
    })
}

fn read_bytes(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let length = read_u32(reader)?;
    if length > LONGEST {
        return Err(invalid(format!("a string of {length} bytes")));
    }
    let mut bytes = Vec::new();
    if reader.take(u64::from(length)).read_to_end(&mut bytes)? < usize::try_from(length).unwrap_or(usize::MAX)
    {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

fn read_text(reader: &mut impl Read) -> io::Result<String> {
    read_bytes(reader).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn read_list(reader: &mut impl Read) -> io::Result<Vec<Vec<u8>>> {
    (0..read_u32(reader)?).map(|_| read_bytes(reader)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames() -> Vec<Frame> {
        vec![
            Frame::Signal(15),
            Frame::Resize(WindowSize { rows: 24, columns: 80 }),
            Frame::Closed(Stream::Stdout),
            Frame::Closed(Stream::Stderr),
            Frame::Ping,
            Frame::Started,
            Frame::Failed("no such port".into()),
            Frame::File { index: 1, mode: 0o755, length: 1 << 40 },
            Frame::NoFile { index: 2, reason: String::new() },
            Frame::Exited { status: 137, stdout: 3, stderr: u64::MAX },
            Frame::Pong,
        ]
    }

    #[test]
    fn frames_survive_the_wire_back_to_back() {
        let mut wire = Vec::new();
        for frame in frames() {
            frame.write(&mut wire).unwrap();
        }
        let mut reader = wire.as_slice();
        for frame in frames() {
            assert_eq!(Frame::read(&mut reader).unwrap(), frame);
        }
        assert!(reader.is_empty());
    }

    #[test]
    fn every_cut_of_a_frame_is_an_error() {
        for frame in frames() {
            let mut wire = Vec::new();
            frame.write(&mut wire).unwrap();
            for length in 0..wire.len() {
                assert!(Frame::read(&mut &wire[..length]).is_err(), "{frame:?} cut at {length}");
            }
        }
    }

    #[test]
    fn requests_survive_the_wire() {
        let plain = Request::default();
        let full = Request {
            command: vec![b"sh".to_vec(), b"-c".to_vec(), vec![0, 255, b'\n']],
            environment: vec![(b"A".to_vec(), b"".to_vec()), (b"B".to_vec(), b"x=y".to_vec())],
            terminal: Some(Terminal { size: WindowSize { rows: 1, columns: 2 }, separate_stderr: true }),
            get: vec![b"out".to_vec()],
        };
        for request in [plain, full] {
            let mut wire = Vec::new();
            request.write(&mut wire).unwrap();
            assert_eq!(Request::read(&mut wire.as_slice()).unwrap(), request);
            for length in 0..wire.len() {
                assert!(Request::read(&mut &wire[..length]).is_err());
            }
        }
    }

    #[test]
    fn unknown_kinds_and_absurd_lengths_are_refused() {
        assert_eq!(Frame::read(&mut [99].as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let absurd = [17, 255, 255, 255, 255];
        assert_eq!(Frame::read(&mut absurd.as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
