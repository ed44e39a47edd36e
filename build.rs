//! Compiles `proto/` at build time, in Rust: no machine needs an installed `protoc`.
//!
//! Come here when a proto file is added: every file of `proto/onward/v1` is picked up by itself.
//! Writes the Rust code that `src/api/wire.rs` includes, and the descriptor set (with comments) for reflection.

use std::error::Error;
use std::path::{Path, PathBuf};

const PROTO_ROOT: &str = "proto";
const PROTO_PACKAGE: &str = "proto/onward/v1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTO_ROOT}");
    let mut compiler = protox::Compiler::new([PROTO_ROOT])?;
    compiler.include_imports(true).include_source_info(true).open_files(proto_files()?)?;
    let out_directory = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out_directory).join("onward_descriptors.bin"), compiler.encode_file_descriptor_set())?;
    let generated =
        tonic_prost_build::configure().emit_rerun_if_changed(false).codec_path("crate::api::codec::LeanCodec");
    generated.compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// Sorted, so that the same sources give the same descriptor set on every machine.
fn proto_files() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(PROTO_PACKAGE)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path.strip_prefix(PROTO_ROOT)?.to_owned());
        }
    }
    files.sort();
    Ok(files)
}
