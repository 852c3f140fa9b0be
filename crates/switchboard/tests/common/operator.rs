//! Whoever tells a machine what to do.

use std::{
    env,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::Value;

use super::{lab_path, path};

/// Whoever sits at a machine's control socket.
pub struct Operator {
    socket: PathBuf,
}

impl Operator {
    /// At a socket of its own, for `--control`.
    pub fn new(name: &str) -> Self {
        Self { socket: env::temp_dir().join(format!("{name}-{}.socket", std::process::id())) }
    }

    pub fn socket(&self) -> &str {
        path(&self.socket)
    }

    /// `switchboard ctl SOCKET ... --json`: its status and what it printed.
    pub fn ctl(&self, arguments: &[&str]) -> (i32, Value, String) {
        let output = Command::new(lab_path("SWITCHBOARD_BIN"))
            .args(["ctl", self.socket()])
            .args(arguments)
            .arg("--json")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let value = serde_json::from_str(&text).unwrap_or(Value::Null);
        (output.status.code().unwrap(), value, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// The same, which is to succeed.
    #[track_caller]
    pub fn must(&self, arguments: &[&str]) -> Value {
        let (status, value, errors) = self.ctl(arguments);
        assert_eq!(status, 0, "{arguments:?}: {value}\n{errors}");
        value
    }
}
