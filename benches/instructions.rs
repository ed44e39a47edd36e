//! How many instructions each kernel takes, beside what was accepted last: the check for regressions that no other load
//! of the machine disturbs.
//!
//! ```sh
//! cargo bench -p onward-benches --bench instructions              # fails where a kernel takes clearly more than accepted
//! cargo bench -p onward-benches --bench instructions -- --accept  # writes benches/instructions.tsv anew
//! ```
//!
//! Counted by `valgrind --tool=callgrind` around one call; what the call works on is made before. One call more runs
//! uncounted first, so that tables that are made once are not in the figure. Some hashing is seeded at random, which
//! moves a figure by less than a hundredth. Figures of another compiler or another kind of processor say nothing of a
//! change: there the figures are printed and nothing fails.

#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a measurement prints and panics")]

#[path = "kernels/work.rs"]
mod work;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};

/// A kernel that takes so many per cent more than accepted fails the check.
const MORE_PERCENT_MAX: f64 = 5.0;
const ACCEPTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.tsv");
const COLUMNS: &str = "kernel\titems\tinstructions_per_item";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--run", kernel] => run(kernel),
        [] => compare(),
        ["--accept"] => accept(),
        _ => {
            eprintln!("instructions: no argument, or --accept");
            ExitCode::from(64)
        }
    }
}

/// Under callgrind: the work of one kernel, once uncounted and once counted.
fn run(kernel: &str) -> ExitCode {
    // Helpers would work in threads of their own, which are not counted.
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global().unwrap();
    let (_, make) = work::KERNELS.into_iter().find(|(name, _)| *name == kernel).unwrap();
    let work = make();
    (work.call)();
    counted_call(&work);
    println!("{}", work.item_count);
    ExitCode::SUCCESS
}

/// Callgrind counts between entering and leaving this.
#[inline(never)]
fn counted_call(work: &work::Work) {
    (work.call)();
}

/// Instructions for each item of every kernel.
fn measured() -> BTreeMap<&'static str, (usize, f64)> {
    let of_kernel = |(name, _): work::Kernel| {
        let (items, count) = counted(name);
        (name, (items, count as f64 / items as f64))
    };
    work::KERNELS.into_iter().map(of_kernel).collect()
}

/// Items of one call of a kernel, and its instructions.
fn counted(kernel: &str) -> (usize, u64) {
    let told = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"])
        .arg("--toggle-collect=*counted_call*")
        .arg(std::env::current_exe().unwrap())
        .args(["--run", kernel])
        .output()
        .unwrap_or_else(|error| panic!("valgrind does not run ({error}); it is in most systems' packages"));
    let text = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{text}");
    let collected = text.lines().find_map(|line| line.split("Collected :").nth(1));
    let count = collected.and_then(|count| count.trim().parse().ok()).unwrap_or(0);
    assert!(count > 0, "callgrind counted nothing of {kernel}: {text}");
    (String::from_utf8_lossy(&told.stdout).trim().parse().unwrap(), count)
}

/// What the figures hold for besides the sources.
fn made_by() -> String {
    let version = Command::new("rustc").arg("--version").output().unwrap().stdout;
    let version = String::from_utf8_lossy(&version).trim().to_owned();
    #[cfg(target_arch = "x86_64")]
    let words = if std::is_x86_feature_detected!("avx2") { "with avx2" } else { "without avx2" };
    #[cfg(not(target_arch = "x86_64"))]
    let words = "any";
    format!("# {version}, {} {words}", std::env::consts::ARCH)
}

fn compare() -> ExitCode {
    let (made_by_accepted, accepted) = accepted();
    let is_comparable = made_by_accepted == made_by();
    println!("{:34} {:>8} {:>14} {:>14} {:>8}", "kernel", "items", "accepted", "now", "ratio");
    let mut worse = Vec::new();
    for (kernel, (items, now)) in measured() {
        let Some(before) = accepted.get(kernel) else {
            println!("{kernel:34} {items:8} {:>14} {now:14.1}", "none");
            worse.push(kernel);
            continue;
        };
        println!("{kernel:34} {items:8} {before:14.1} {now:14.1} {:8.3}", now / before);
        if now > before * (1.0 + MORE_PERCENT_MAX / 100.0) {
            worse.push(kernel);
        }
    }
    if worse.is_empty() {
        return ExitCode::SUCCESS;
    }
    if !is_comparable {
        println!("NOT COMPARED: accepted were those of {made_by_accepted:?}, these are of {:?}", made_by());
        return ExitCode::SUCCESS;
    }
    let worse = worse.join(", ");
    eprintln!("more than {MORE_PERCENT_MAX} % above what was accepted, or not accepted yet: {worse}");
    eprintln!("where that is the price of something: `cargo bench --bench instructions -- --accept`, and say of what");
    ExitCode::FAILURE
}

fn accept() -> ExitCode {
    let mut text = format!("{}\n{COLUMNS}\n", made_by());
    for (kernel, (items, now)) in measured() {
        println!("{kernel:34} {items:8} {now:14.1}");
        text.push_str(&format!("{kernel}\t{items}\t{now:.1}\n"));
    }
    std::fs::write(ACCEPTED, text).unwrap();
    ExitCode::SUCCESS
}

/// What the accepted figures hold for, and instructions for each item of every kernel.
fn accepted() -> (String, BTreeMap<String, f64>) {
    let text = std::fs::read_to_string(Path::new(ACCEPTED)).unwrap_or_default();
    let of_row = |row: &str| {
        let mut cells = row.split('\t');
        let (kernel, count) = (cells.next()?, cells.nth(1)?);
        Some((kernel.to_owned(), count.parse().ok()?))
    };
    (text.lines().next().unwrap_or_default().to_owned(), text.lines().skip(2).filter_map(of_row).collect())
}
