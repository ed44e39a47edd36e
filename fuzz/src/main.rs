//! One program with all targets: `ONWARD_FUZZ_TARGET` names the one that the engine attacks, see `fuzz/run`.
//!
//! Come here for what holds for every target: no single piece of memory is larger than an input can justify.

#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../targets/mod.rs"]
mod targets;

/// Largest piece of memory: well above the longest row and any table that is built once, well below a length that was
/// believed because an input said so.
const PIECE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The system's memory in pieces of a bounded size.
struct Bounded;

// SAFETY: everything is left to the system's allocator, but for sizes at which the process ends.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        check(size);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn check(size: usize) {
    if size > PIECE_BYTES_MAX {
        std::process::abort();
    }
}

#[global_allocator]
static MEMORY: Bounded = Bounded;

static TARGET: LazyLock<targets::Target> = LazyLock::new(|| {
    let name = std::env::var("ONWARD_FUZZ_TARGET").unwrap_or_default();
    let Some(target) = targets::target(&name) else {
        let known = targets::TARGETS.map(|(name, _)| name).join(" ");
        eprintln!("ONWARD_FUZZ_TARGET: expected one of {known}");
        std::process::exit(64);
    };
    if name == "whole_files" {
        // The engine ends at every panic. Those of the Parquet library are caught by the product, and none of ours is.
        std::panic::set_hook(Box::new(|_| {}));
    }
    target
});

fuzz_target!(|data: &[u8]| TARGET(data));
