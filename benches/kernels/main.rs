//! The inner steps of screening, one by one: what a row, a name, a pair of names, a pair of goods and a case cost.
//!
//! Come here with `cargo bench -p onward-benches --bench kernels` after touching one of them; docs/benchmarks.md says how to read the
//! figures. Whole runs over files are measured from outside, not here.

#![expect(clippy::unwrap_used, reason = "a benchmark without its world may panic")]

mod work;

use divan::{Bencher, counter::ItemsCount};

fn main() {
    divan::main();
}

#[divan::bench(args = work::KERNELS.map(|(name, _)| name))]
fn kernel(bencher: Bencher<'_, '_>, name: &str) {
    let (_, make) = work::KERNELS.into_iter().find(|(known, _)| *known == name).unwrap();
    let work = make();
    bencher.counter(ItemsCount::new(work.item_count)).bench_local(|| (work.call)());
}
