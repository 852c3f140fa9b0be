//! Debian packages of another architecture and suite, without installing any: a private apt state.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::progress;
use crate::guarded;
use crate::trouble::Trouble;
use crate::workspace::{self, has_program, output};

/// Names the archive, where the host's own apt has none of Debian's.
const ARCHIVE_VARIABLE: &str = "SWITCHBOARD_DEBIAN_ARCHIVE";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Which packages a state sees.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sources {
    /// The main component of one suite of the archive.
    Suite(&'static str),
    /// What the host's own apt is configured for, security updates included.
    Host,
}

/// A private apt state: lists and caches of its own, no installed packages.
pub(crate) struct State {
    folder: PathBuf,
    options: Vec<String>,
    name: String,
}

impl State {
    /// Opens the state for `sources` and `architecture`; it knows no packages before [`State::update`].
    pub(crate) fn open(sources: Sources, architecture: &str) -> Result<Self> {
        require_apt()?;
        let name = match sources {
            Sources::Suite(suite) => format!("{suite}-{architecture}"),
            Sources::Host => format!("host-{architecture}"),
        };
        let folder = workspace::cache()?.join("apt").join(&name);
        for part in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(part))
                .with_context(|| format!("creating {}", folder.display()))?;
        }
        fs::write(folder.join("status"), "")?;
        let mut options = vec![
            format!("-oAPT::Architecture={architecture}"),
            format!("-oAPT::Architectures={architecture}"),
            format!("-oDir::State::lists={}", folder.join("lists").display()),
            format!("-oDir::Cache={}", folder.join("cache").display()),
            format!("-oDir::State::status={}", folder.join("status").display()),
            // The sandbox user could not write into our folders; the caches save a second that we never need again.
            String::from("-oAPT::Sandbox::User="),
            String::from("-oAcquire::Languages=none"),
            String::from("-oAPT::Update::Post-Invoke-Success="),
        ];
        if let Sources::Suite(suite) = sources {
            let list = folder.join("sources.list");
            let line = format!("deb [arch={architecture} signed-by={KEYRING}] {} {suite} main\n", archive()?);
            fs::write(&list, line)?;
            options.push(format!("-oDir::Etc::sourcelist={}", list.display()));
            options.push(String::from("-oDir::Etc::sourceparts=/dev/null"));
        }
        Ok(Self { folder, options, name })
    }

    /// Fetches the lists of packages.
    pub(crate) fn update(&self) -> Result<()> {
        let mut command = guarded::command("apt-get");
        command.args(&self.options).args(["-q", "update"]);
        progress::follow(&format!("reading the package lists of {}", self.name), &mut command)
    }

    /// The packages that `package` depends on, first alternatives only.
    pub(crate) fn dependencies(&self, package: &str) -> Result<Vec<String>> {
        let text = output(Command::new("apt-cache").args(&self.options).args(["depends", package]))
            .with_context(|| format!("looking for {package} in {}", self.name))?;
        Ok(parse_dependencies(&text))
    }

    /// The version of `package` that would be downloaded.
    pub(crate) fn candidate(&self, package: &str) -> Result<String> {
        let text = output(Command::new("apt-cache").args(&self.options).args(["policy", package]))?;
        parse_candidate(&text)
            .ok_or_else(|| Trouble::new(format!("there is no package {package} in {}", self.name)).into())
    }

    /// Downloads `packages` and unpacks them into `root`.
    pub(crate) fn unpack(&self, packages: &[String], root: &Path) -> Result<()> {
        let scratch = tempfile::tempdir_in(&self.folder)?;
        let mut command = guarded::command("apt-get");
        command.args(&self.options).args(["-q", "download"]).args(packages).current_dir(scratch.path());
        progress::follow(&format!("fetching {}", packages.join(", ")), &mut command)?;
        for entry in fs::read_dir(scratch.path())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                workspace::check(guarded::command("dpkg-deb").arg("--extract").arg(&path).arg(root))?;
            }
        }
        Ok(())
    }
}

fn require_apt() -> Result<()> {
    if has_program("apt-get") && has_program("dpkg-deb") && Path::new(KEYRING).exists() {
        return Ok(());
    }
    Err(Trouble::new("the lab's kernels come from Debian's archive, which this machine has no tools for")
        .hint(format!("install apt, dpkg and debian-archive-keyring ({KEYRING})"))
        .into())
}

/// Debian's archive, as the host's own apt knows it.
fn archive() -> Result<String> {
    if let Some(archive) = std::env::var(ARCHIVE_VARIABLE).ok().filter(|archive| !archive.is_empty()) {
        return Ok(archive);
    }
    let targets = output(Command::new("apt-get").args(["indextargets", "Created-By: Packages"]))?;
    choose_archive(&targets).ok_or_else(|| {
        Trouble::new("apt on this machine is configured for no Debian archive")
            .hint(format!("set {ARCHIVE_VARIABLE} to the address of one, as in a `deb` line"))
            .into()
    })
}

/// Debian's own archive among the stanzas of `apt-get indextargets`.
fn choose_archive(targets: &str) -> Option<String> {
    let stanzas: Vec<_> = targets.split("\n\n").collect();
    let field = |stanza: &str, name: &str| {
        let line = stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map(|value| String::from(value.trim()))
    };
    let signed = stanzas.iter().find(|stanza| {
        field(stanza, "Origin").as_deref() == Some("Debian")
            && field(stanza, "Label").as_deref() == Some("Debian")
    });
    // Before the first update nothing is known but the addresses.
    let named = || {
        stanzas.iter().find(|stanza| {
            field(stanza, "Repo-URI")
                .is_some_and(|address| address.trim_end_matches('/').ends_with("/debian"))
        })
    };
    signed.or_else(named).and_then(|stanza| field(stanza, "Repo-URI"))
}

/// The names in the `Depends:` lines of `apt-cache depends`.
fn parse_dependencies(text: &str) -> Vec<String> {
    // An alternative is marked by a bar in front of all but the last; virtual packages stand in angle brackets.
    let names = text.lines().filter_map(|line| line.trim_start().strip_prefix("Depends: "));
    names.map(|name| String::from(name.trim_matches(['<', '>']))).collect()
}

/// The version in the `Candidate:` line of `apt-cache policy`.
fn parse_candidate(text: &str) -> Option<String> {
    let version = text.lines().find_map(|line| line.trim_start().strip_prefix("Candidate: "))?;
    (version != "(none)").then(|| String::from(version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_the_plain_ones() {
        let text = "linux-image-cloud-arm64\n  Depends: linux-image-6.12.1+deb13-cloud-arm64\n  Depends: <virtual>\n  \
                    Recommends: apparmor\n |Depends: one\n  Depends: two\n";
        assert_eq!(parse_dependencies(text), ["linux-image-6.12.1+deb13-cloud-arm64", "virtual", "two"]);
    }

    #[test]
    fn a_candidate_is_a_version_or_nothing() {
        let text = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0+dfsg1-1\n  Version table:\n";
        assert_eq!(parse_candidate(text).as_deref(), Some("1.96.0+dfsg1-1"));
        assert_eq!(parse_candidate("x:\n  Candidate: (none)\n"), None);
        assert_eq!(parse_candidate(""), None);
    }

    #[test]
    fn the_archive_is_debians_own_not_its_security_updates() {
        let targets = "Origin: Other\nLabel: Other\nRepo-URI: http://other.example/debian/\n\n\
                       Origin: Debian\nLabel: Debian-Security\nRepo-URI: http://a.example/debian-security/\n\n\
                       Origin: Debian\nLabel: Debian\nRepo-URI: http://a.example/debian/\n";
        assert_eq!(choose_archive(targets).as_deref(), Some("http://a.example/debian/"));
        let fresh = "Repo-URI: http://a.example/debian-security/\n\nRepo-URI: http://a.example/debian/\n";
        assert_eq!(choose_archive(fresh).as_deref(), Some("http://a.example/debian/"));
        assert_eq!(choose_archive("Repo-URI: http://a.example/ubuntu/\n"), None);
    }
}
