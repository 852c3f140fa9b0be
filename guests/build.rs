//! Links the guest as one position-independent arm64 `Image` (see `link.ld` and `src/entry.s`).

use std::{env, path::Path};

fn main() {
    let manifest = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let script = Path::new(&manifest).join("link.ld");
    println!("cargo:rerun-if-changed=link.ld");
    println!("cargo:rerun-if-changed=src/entry.s");
    println!("cargo:rerun-if-changed=src/sdei/sdei.s");
    println!("cargo:rustc-link-arg=-T{}", script.display());
    // The image runs where it is loaded. Code for this target is pc-relative already; pointers in data are
    // not, and `entry.s` relocates them, in read-only sections too (`notext`).
    for argument in ["--pie", "--no-dynamic-linker", "-znotext", "-zmax-page-size=4096", "--build-id=none"] {
        println!("cargo:rustc-link-arg={argument}");
    }
}
