//! Makes the catalogue's table of the files in `catalogue`.

#[path = "build/emit.rs"]
mod emit;
#[path = "build/parse.rs"]
mod parse;

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

const FOLDER: &str = "catalogue";

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed={FOLDER}");
    match generate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={error}");
            ExitCode::FAILURE
        }
    }
}

fn generate() -> Result<(), Box<dyn Error>> {
    let mut documents = Vec::new();
    for path in files()? {
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        documents.push(parse::document(&path.display().to_string(), &text)?);
    }
    parse::check_ids(&documents)?;
    let output = Path::new(&env::var("OUT_DIR")?).join("catalogue.rs");
    fs::write(output, emit::table(&documents))?;
    Ok(())
}

/// By name, so that the same files make the same table on every machine.
fn files() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(FOLDER)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
