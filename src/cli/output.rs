//! What `screen`, `export` and `job` write: findings, links, parties, advice and rejects as CSV or JSON Lines.
//!
//! Come here for the columns of the file contract and how a cell is written. Which findings there are is decided
//! elsewhere. docs/output.md tells users the same.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::new_file::NewFile;
use crate::model::{Evidence, Finding, IndicatorOutcome, Link};

/// Columns of `decisions.*`: one row for every order line.
pub(super) const DECISIONS: Columns = Columns {
    name: "decisions",
    columns: &[
        "order_id",
        "line_no",
        "score",
        "level",
        "priority",
        "attributed_quantity",
        "attributed_low",
        "attributed_high",
        "unit",
        "kind",
        "reasons",
    ],
};
/// Columns of `links.*`: one row for every link.
pub(super) const LINKS: Columns = Columns {
    name: "links",
    columns: &[
        "order_id",
        "line_no",
        "document_number",
        "document_line",
        "path",
        "quantity",
        "probability",
        "evidence",
    ],
};
/// Columns of `parties.*`: one row for every distinct mention and candidate entity.
pub(super) const PARTIES: Columns = Columns {
    name: "parties",
    columns: &["role", "name", "identifier", "country", "entity", "probability", "evidence"],
};
/// Columns of `advice.*`: one row for every line of a screening job.
pub(super) const ADVICE: Columns =
    Columns { name: "advice", columns: &["line", "order_id", "line_no", "outcome", "action", "risk", "reasons"] };
/// Columns of `rejects.*`: one row for every fault of a row that did not go in.
pub(super) const REJECTS: Columns =
    Columns { name: "rejects", columns: &["file", "row", "column", "value", "reason", "detail"] };

/// How a table is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub(super) enum Format {
    /// Comma-separated, UTF-8, with a header.
    #[default]
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// A table of the file contract.
pub(super) struct Columns {
    /// File name without its ending.
    pub(super) name: &'static str,
    /// Column names in order.
    pub(super) columns: &'static [&'static str],
}

/// One value of a row.
pub(super) enum Cell<'a> {
    /// Any text.
    Text(Cow<'a, str>),
    /// A decimal number, as both CSV and JSON write it.
    Number(String),
}

/// A table being written; it shows under its name only when published.
pub(super) struct Sheet {
    columns: &'static [&'static str],
    format: Format,
    file: NewFile,
    /// The row being written; reused.
    line: Vec<u8>,
}

/// Decisions and links, finding by finding: what `screen` and `export` both write.
pub(super) struct FindingSheets {
    decisions: Sheet,
    links: Sheet,
}

/// The rows of one finding, ready to be written. Many can be made side by side.
#[derive(Serialize, Deserialize)]
pub(super) struct FindingRows {
    decision: String,
    links: String,
}

impl Format {
    /// The ending of file names.
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }
}

impl<'a> Cell<'a> {
    /// A text from a paper or from us.
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// Anything that displays as a decimal number.
    pub(super) fn number(number: impl ToString) -> Self {
        Self::Number(number.to_string())
    }
}

impl Sheet {
    /// Starts a table in `folder`.
    pub(super) fn create(folder: &Path, table: &Columns, format: Format) -> io::Result<Self> {
        Self::create_at(&folder.join(format!("{}.{}", table.name, format.extension())), table, format)
    }

    /// Starts a table that will stand at `path`.
    pub(super) fn create_at(path: &Path, table: &Columns, format: Format) -> io::Result<Self> {
        let mut sheet = Self { columns: table.columns, format, file: NewFile::create(path)?, line: Vec::new() };
        if format == Format::Csv {
            sheet.row(&table.columns.iter().map(|column| Cell::text(*column)).collect::<Vec<_>>())?;
        }
        Ok(sheet)
    }

    /// Adds a row with one cell for every column.
    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        self.line.clear();
        write_row(&mut self.line, self.format, self.columns, cells)?;
        self.file.write_all(&self.line)
    }

    /// Adds rows that were put into text before.
    pub(super) fn rows(&mut self, text: &str) -> io::Result<()> {
        self.file.write_all(text.as_bytes())
    }

    /// Makes the table durable under its name.
    pub(super) fn publish(self) -> io::Result<()> {
        self.file.publish()
    }
}

impl FindingSheets {
    /// Starts both tables in `folder`.
    pub(super) fn create(folder: &Path, format: Format) -> io::Result<Self> {
        let decisions = Sheet::create(folder, &DECISIONS, format)?;
        Ok(Self { decisions, links: Sheet::create(folder, &LINKS, format)? })
    }

    /// Adds a finding with its links.
    pub(super) fn add(&mut self, rows: &FindingRows) -> io::Result<()> {
        self.decisions.rows(&rows.decision)?;
        self.links.rows(&rows.links)
    }

    /// Makes both durable under their names; the decisions last, so that where they stand, the links stand too.
    pub(super) fn publish(self) -> io::Result<()> {
        self.links.publish()?;
        self.decisions.publish()
    }
}

impl FindingRows {
    /// Puts a finding with its links into rows.
    pub(super) fn of(finding: &Finding, format: Format) -> io::Result<Self> {
        let (mut decision_row, mut links) = (Vec::with_capacity(512), Vec::new());
        write_row(&mut decision_row, format, DECISIONS.columns, &decision(finding))?;
        for found in &finding.links {
            write_row(&mut links, format, LINKS.columns, &link(finding, found))?;
        }
        Ok(Self { decision: text(decision_row)?, links: text(links)? })
    }
}

/// Rows of a table as text.
pub(super) fn rows_text<'a, const N: usize>(
    table: &Columns,
    format: Format,
    rows: impl Iterator<Item = [Cell<'a>; N]>,
) -> io::Result<String> {
    let mut written = Vec::new();
    rows.into_iter().try_for_each(|cells| write_row(&mut written, format, table.columns, &cells))?;
    text(written)
}

fn text(written: Vec<u8>) -> io::Result<String> {
    String::from_utf8(written).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Writes one row with one cell for every column.
fn write_row(line: &mut Vec<u8>, format: Format, columns: &[&str], cells: &[Cell<'_>]) -> io::Result<()> {
    debug_assert_eq!(cells.len(), columns.len());
    if format == Format::Jsonl {
        return json_row(line, columns, cells);
    }
    let mut writer = csv::WriterBuilder::new().buffer_capacity(1 << 10).from_writer(line);
    for cell in cells {
        match cell {
            Cell::Text(text) => writer.write_field(defused(text).as_bytes())?,
            Cell::Number(number) => writer.write_field(number)?,
        }
    }
    writer.write_record(None::<&[u8]>)?;
    writer.flush()
}

/// A row of `decisions.*`.
pub(super) fn decision(finding: &Finding) -> [Cell<'_>; 11] {
    [
        Cell::text(&finding.order.order_id),
        Cell::number(finding.order.line_no),
        Cell::number(finding.score),
        Cell::text(finding.level.as_str()),
        Cell::number(finding.priority),
        Cell::number(finding.attributed),
        Cell::number(finding.attributed_low),
        Cell::number(finding.attributed_high),
        Cell::text(finding.unit.code()),
        Cell::text(finding.kind.as_str()),
        Cell::text(reasons(finding)),
    ]
}

/// A row of `links.*`.
pub(super) fn link<'a>(finding: &'a Finding, link: &'a Link) -> [Cell<'a>; 8] {
    [
        Cell::text(&finding.order.order_id),
        Cell::number(finding.order.line_no),
        Cell::text(&link.onward.number),
        Cell::number(link.onward.line_no),
        Cell::text(list(link.path.iter().map(|paper| paper.number.as_str()))),
        Cell::number(link.quantity),
        Cell::number(link.probability),
        Cell::text(evidence(&link.evidence)),
    ]
}

/// Evidence as one cell: sentences separated by `; `.
pub(super) fn evidence(evidence: &[Evidence]) -> String {
    list(evidence.iter().map(Evidence::sentence))
}

/// The finding's sentence, the red flags that are up, and what the engine gave up because of a limit.
fn reasons(finding: &Finding) -> String {
    let raised = finding.indicators.iter().filter(|result| result.outcome == IndicatorOutcome::Raised);
    let flags = raised.map(|result| match result.detail.as_str() {
        "" => format!("red flag {}", result.indicator),
        detail => format!("red flag {}: {detail}", result.indicator),
    });
    let limits = finding.limits_reached.iter().map(|limit| format!("limit: {limit}"));
    list(std::iter::once(finding.summary.clone()).chain(flags).chain(limits).filter(|reason| !reason.is_empty()))
}

/// A list inside one cell. A separator inside an entry becomes a comma, so that the list can be taken apart again.
pub(super) fn list(entries: impl Iterator<Item = impl AsRef<str>>) -> String {
    let mut cell = String::new();
    for entry in entries {
        if !cell.is_empty() {
            cell.push(';');
        }
        cell.extend(entry.as_ref().chars().map(|letter| if letter == ';' { ',' } else { letter }));
    }
    cell
}

/// A text that a spreadsheet would run as a formula gets an apostrophe in front; a plain signed number runs nothing.
fn defused(text: &str) -> Cow<'_, str> {
    let is_dangerous = match text.as_bytes() {
        [b'=' | b'@' | b'\t' | b'\r', ..] => true,
        [b'+' | b'-', rest @ ..] => !rest.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.'),
        _ => false,
    };
    if is_dangerous { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

fn json_row(line: &mut Vec<u8>, columns: &[&str], cells: &[Cell<'_>]) -> io::Result<()> {
    for (index, (column, cell)) in columns.iter().zip(cells).enumerate() {
        line.push(if index == 0 { b'{' } else { b',' });
        serde_json::to_writer(&mut *line, column)?;
        line.push(b':');
        match cell {
            Cell::Text(text) => serde_json::to_writer(&mut *line, text.as_ref())?,
            Cell::Number(number) => line.extend_from_slice(number.as_bytes()),
        }
    }
    line.extend_from_slice(b"}\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Cell, DECISIONS, Format, LINKS, REJECTS, Sheet, decision, defused, link, list};
    use crate::cli::summary::tests::finding;
    use std::fs;

    fn written(format: Format, fill: impl FnOnce(&mut Sheet)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut sheet = Sheet::create(folder.path(), &REJECTS, format).unwrap();
        fill(&mut sheet);
        let path = folder.path().join(format!("rejects.{}", format.extension()));
        assert!(!path.exists(), "a table that is not published does not show");
        sheet.publish().unwrap();
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn awkward_cells_survive_in_both_formats() {
        let value = "a \"b\", \n\r\tж;\u{1}";
        let fill = |sheet: &mut Sheet| {
            let cells = [
                Cell::text("orders.csv"),
                Cell::number(7),
                Cell::text("unit"),
                Cell::text(value),
                Cell::text(""),
                Cell::text("x"),
            ];
            sheet.row(&cells).unwrap();
        };
        let text = written(Format::Csv, fill);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), REJECTS.columns);
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 1);
        assert_eq!((&rows[0][1], &rows[0][3]), ("7", value));

        let json: serde_json::Value = serde_json::from_str(&written(Format::Jsonl, fill)).unwrap();
        assert_eq!(json["row"], 7);
        assert_eq!(json["value"], value);
    }

    #[test]
    fn formulas_are_defused_in_csv_and_numbers_left_alone() {
        let cases = [
            ("=HYPERLINK(\"a\")", "'=HYPERLINK(\"a\")"),
            ("@SUM(1)", "'@SUM(1)"),
            ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
            ("-2+3", "'-2+3"),
            ("\t=1", "'\t=1"),
            ("-17", "-17"),
            ("+77015550101", "+77015550101"),
            ("SO-1", "SO-1"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(defused(text), expected);
        }
        let fill = |sheet: &mut Sheet| sheet.row(&[(); 6].map(|()| Cell::text("=1"))).unwrap();
        assert!(written(Format::Csv, fill).contains("'=1,'=1"));
        assert!(!written(Format::Jsonl, fill).contains('\''), "JSON Lines carries the text as it is");
    }

    #[test]
    fn a_finding_fills_every_column() {
        let finding = finding("SO-1", 0.93, 400, 1000);
        let row: Vec<String> = decision(&finding).into_iter().map(text).collect();
        assert_eq!(row.len(), DECISIONS.columns.len());
        assert_eq!(
            row[..10],
            ["SO-1", "1", "0.9300", "high", "372", "400", "400", "400", "PCE", "onward_shipment"].map(String::from)
        );
        assert_eq!(row[10], "400 of 1000 pieces went on, probably;red flag new_customer: first order 2024-01-02");
        let row: Vec<String> = link(&finding, &finding.links[0]).into_iter().map(text).collect();
        assert_eq!(row.len(), LINKS.columns.len());
        assert_eq!(row[..7], ["SO-1", "1", "RU-7", "2", "SNT-1;SNT-2", "400", "0.9300"].map(String::from));
        assert_eq!(row[7], "part_number: AB,12 ~ AB12 (+9.5)");
    }

    #[test]
    fn a_list_can_be_taken_apart_again() {
        assert_eq!(list(["a;b", "c"].iter()), "a,b;c");
    }

    fn text(cell: Cell<'_>) -> String {
        match cell {
            Cell::Text(text) => text.into_owned(),
            Cell::Number(number) => number,
        }
    }
}
