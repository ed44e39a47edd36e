//! `onward match`: scores pairs of party names, one pair a line.
//!
//! Come here for the form of that file. Whether two names mean one company is answered in `resolve`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;

use rayon::prelude::*;

use super::exit::{Failure, Outcome};
use super::output;
use crate::model::{Evidence, Probability};
use crate::{normalize, resolve};

/// Lines scored together, so that all cores have work and memory stays flat.
const LINES_AT_ONCE: usize = 8192;
/// Longest line that is scored; a longer one keeps its place and is reported.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Which pairs.
#[derive(clap::Args, Debug)]
pub(super) struct MatchArguments {
    /// Tab-separated file with a header that names the columns name_a and name_b; `-` for standard input
    #[arg(value_name = "PAIRS.tsv")]
    pairs: PathBuf,
    /// Exit with 1 when a row could not be scored
    #[arg(long)]
    pub(super) strict: bool,
}

/// What comes of one pair of names.
type Score<'a> = &'a (dyn Fn(&str, &str) -> (Probability, Vec<Evidence>) + Sync);

/// Where the two names stand in a row.
struct Header {
    name_a: usize,
    name_b: usize,
    field_count: usize,
}

pub(super) fn run(arguments: &MatchArguments) -> Result<Outcome, Failure> {
    let score = |a: &str, b: &str| {
        let matched = resolve::match_names(&normalize::name(a), &normalize::name(b));
        (matched.probability, matched.evidence)
    };
    let mut input = open(arguments)?;
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let bad_count = score_pairs(&mut *input, &mut output, &mut io::stderr(), &score)?;
    output.flush().map_err(Failure::stdout)?;
    Ok(Outcome::with_rejects(bad_count))
}

/// Reads pairs, writes the same rows with two columns more, and says on `complaints` which rows could not be scored.
/// Returns how many these were.
fn score_pairs(
    input: &mut dyn BufRead,
    output: &mut dyn Write,
    complaints: &mut dyn Write,
    score: Score<'_>,
) -> Result<u64, Failure> {
    let reading = |source| Failure::Io { what: "reading the pairs".to_owned(), source };
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut first = Vec::new();
    if !read_line(input, &mut first).map_err(reading)? {
        return Err(Failure::Unreadable("the file of pairs is empty: it needs at least a header".to_owned()));
    }
    let header = read_header(&first)?;
    let mut line_no = 1;
    let mut bad_count = 0;
    write_line(output, &strip_mark(&first), &["probability", "evidence"])?;
    loop {
        lines.clear();
        let mut line = Vec::new();
        while lines.len() < LINES_AT_ONCE && read_line(input, &mut line).map_err(reading)? {
            lines.push(std::mem::take(&mut line));
        }
        if lines.is_empty() {
            return Ok(bad_count);
        }
        let scored: Vec<Result<(Probability, String), String>> =
            lines.par_iter().map(|line| score_line(line, &header, score)).collect();
        for (line, scored) in lines.iter().zip(scored) {
            line_no += 1;
            match scored {
                Ok((probability, evidence)) => write_line(output, line, &[&probability.to_string(), &evidence])?,
                Err(reason) => {
                    bad_count += 1;
                    // The row's own place in the output says the same; a closed standard error stops nothing.
                    let _ = writeln!(complaints, "onward match: line {line_no}: {reason}");
                    write_line(output, &padded(line, header.field_count), &["", ""])?;
                }
            }
        }
    }
}

fn read_header(line: &[u8]) -> Result<Header, Failure> {
    let line = strip_mark(line);
    let text = std::str::from_utf8(&line).map_err(|_| Failure::Unreadable("the header is not UTF-8".to_owned()))?;
    let names: Vec<&str> = text.split('\t').map(str::trim).collect();
    let place = |wanted: &str| {
        let mut places = names.iter().enumerate().filter(|(_, name)| **name == wanted).map(|(place, _)| place);
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (None, _) => Err(Failure::Unreadable(format!("the header has no column `{wanted}`, separated by tabs"))),
            (Some(_), Some(_)) => Err(Failure::Unreadable(format!("the header has two columns `{wanted}`"))),
        }
    };
    Ok(Header { name_a: place("name_a")?, name_b: place("name_b")?, field_count: names.len() })
}

fn score_line(line: &[u8], header: &Header, score: Score<'_>) -> Result<(Probability, String), String> {
    if line.len() > LINE_BYTES_MAX {
        return Err(format!("longer than {LINE_BYTES_MAX} bytes"));
    }
    let text = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_owned())?;
    let fields: Vec<&str> = text.split('\t').collect();
    if fields.len() != header.field_count {
        return Err(format!("{} fields where the header has {}", fields.len(), header.field_count));
    }
    let (name_a, name_b) = (fields[header.name_a].trim(), fields[header.name_b].trim());
    if name_a.is_empty() || name_b.is_empty() {
        return Err("a name is missing".to_owned());
    }
    let (probability, evidence) = score(name_a, name_b);
    Ok((probability, output::evidence(&evidence).replace(['\t', '\n', '\r'], " ")))
}

/// Reads up to the next newline, which is dropped together with a carriage return before it. False at the end.
/// Of a line that is too long only as much is kept as shows that it is.
fn read_line(mut input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    if (&mut input).take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', line)? == 0 {
        return Ok(false);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() > LINE_BYTES_MAX {
        input.skip_until(b'\n')?;
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(true)
}

/// A byte-order mark is no part of the first column's name.
fn strip_mark(line: &[u8]) -> Vec<u8> {
    line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).to_vec()
}

/// A row of another length brought to the header's, so that the added columns stand under their names.
fn padded(line: &[u8], field_count: usize) -> Vec<u8> {
    let fields: Vec<&[u8]> =
        line.split(|byte| *byte == b'\t').chain(std::iter::repeat(&b""[..])).take(field_count).collect();
    fields.join(&b'\t')
}

fn write_line(output: &mut dyn Write, line: &[u8], added: &[&str]) -> Result<(), Failure> {
    let mut row = line.to_vec();
    for cell in added {
        row.push(b'\t');
        row.extend_from_slice(cell.as_bytes());
    }
    row.push(b'\n');
    output.write_all(&row).map_err(Failure::stdout)
}

fn open(arguments: &MatchArguments) -> Result<Box<dyn BufRead>, Failure> {
    if arguments.pairs.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let unreadable = |error| Failure::Unreadable(format!("{}: {error}", arguments.pairs.display()));
    let file = File::open(&arguments.pairs).map_err(unreadable)?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, file)))
}

#[cfg(test)]
mod tests {
    use super::score_pairs;
    use crate::model::{Bits, Evidence, EvidenceKind, Probability};
    use proptest::prelude::*;

    /// Scores by equality, which is enough to see which names were compared.
    fn run(input: &[u8]) -> (Result<u64, u8>, String, String) {
        let score = |a: &str, b: &str| {
            let evidence = Evidence { kind: EvidenceKind::Name, ours: a.into(), theirs: b.into(), bits: Bits(1_000) };
            (Probability::from_f64(if a == b { 0.9 } else { 0.1 }), vec![evidence])
        };
        let (mut output, mut complaints) = (Vec::new(), Vec::new());
        let outcome = score_pairs(&mut &*input, &mut output, &mut complaints, &score);
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (outcome.map_err(|failure| failure.code()), text(&output), text(&complaints))
    }

    #[test]
    fn rows_keep_their_order_and_bad_ones_their_place() {
        let input = "id\tname_b\tname_a\r\n1\tA\tA\n2\tA\n3\tA\tB\tC\n4\t\tB\n5\t\"A\tB\n";
        let (outcome, output, complaints) = run(input.as_bytes());
        assert_eq!(outcome, Ok(3));
        assert_eq!(
            output,
            "id\tname_b\tname_a\tprobability\tevidence\n\
             1\tA\tA\t0.9000\tname: A ~ A (+1.0)\n\
             2\tA\t\t\t\n\
             3\tA\tB\t\t\n\
             4\t\tB\t\t\n\
             5\t\"A\tB\t0.1000\tname: B ~ \"A (+1.0)\n"
        );
        assert_eq!(complaints.lines().count(), 3);
        assert!(complaints.starts_with("onward match: line 3: 2 fields where the header has 3\n"), "{complaints}");
    }

    #[test]
    fn a_line_without_end_keeps_its_place() {
        let long = "x".repeat(super::LINE_BYTES_MAX * 3);
        let (outcome, output, _) = run(format!("name_a\tname_b\nA\t{long}\nA\tA\n").as_bytes());
        assert_eq!(outcome, Ok(1));
        assert!(output.ends_with("\nA\tA\t0.9000\tname: A ~ A (+1.0)\n"), "the row after it is scored");
        assert_eq!(output.lines().count(), 3);
    }

    #[test]
    fn a_file_that_is_no_table_of_pairs_is_unreadable() {
        for input in [&b""[..], b"name_a,name_b\n", b"name_a\tname_a\tname_b\n", b"\xff\tname_a\tname_b\n", b"\n"] {
            assert_eq!(run(input).0, Err(65), "{input:?}");
        }
        assert_eq!(run(b"\xEF\xBB\xBFname_a\tname_b").0, Ok(0), "a byte-order mark and a missing newline are fine");
    }

    proptest! {
        #[test]
        fn every_row_comes_out_once(rows in prop::collection::vec("[^\n]{0,20}", 0..50)) {
            let input = format!("name_a\tname_b\n{}", rows.iter().map(|row| format!("{row}\n")).collect::<String>());
            let (outcome, output, complaints) = run(input.as_bytes());
            prop_assert_eq!(output.lines().count(), rows.len() + 1);
            prop_assert_eq!(complaints.lines().count() as u64, outcome.unwrap());
            for line in output.split_terminator('\n') {
                prop_assert_eq!(line.split('\t').count(), 4, "{:?}", line);
            }
        }
    }
}
