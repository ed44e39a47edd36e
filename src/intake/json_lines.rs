//! JSON Lines: one object a line, the fields named as in the contract.
//!
//! Come here for what values may be: texts, numbers, true or false, null (nothing), and arrays of these for lists.
//! Objects inside objects are refused. There is no header, so a missing field is a fault of its row.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io;
use std::sync::atomic::Ordering;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use super::column::{Column, ColumnMap, Meaning};
use super::fault::{FieldFault, RejectReason};
use super::fields::{Gathered, ROW_BYTES_MAX};
use super::header;
use super::reading::{Readable, Sink};
use super::source::Text;
use super::window::Window;

/// How many different field names are remembered; names beyond are looked up anew and not named in the warning.
const NAMES_MAX: usize = 1000;

/// Reads all rows.
pub(super) fn read<T: Readable>(text: Text<'_>, map: &ColumnMap, sink: &mut Sink<'_, T>) {
    let mut lines = Lines { window: text.window, line_bytes: 0, line: 0, skipped: String::new() };
    let mut names = Names { map, meanings: BTreeMap::new() };
    let mut gathered = Gathered::new();
    loop {
        let line = match lines.next() {
            Ok(Line::End) => break,
            Ok(Line::TooLong) => {
                let detail = format!("a row of more than {ROW_BYTES_MAX} bytes");
                let value = lines.beginning();
                sink.refuse(Some(lines.line), FieldFault::new("", &value, RejectReason::FieldTooLong, detail));
                continue;
            }
            Ok(Line::Row { is_terminated }) => {
                if !is_terminated && text.has_grown.load(Ordering::Relaxed) {
                    let detail = "cut off: the file was still being written";
                    let fault = FieldFault::new("", &lines.beginning(), RejectReason::BadRow, detail);
                    sink.refuse(Some(lines.line), fault);
                    continue;
                }
                lines.bytes().trim_ascii()
            }
            Err(error) => {
                sink.break_off(Some(lines.line), &error.to_string());
                break;
            }
        };
        if line.is_empty() {
            continue;
        }
        let number = Some(lines.line);
        match row::<T>(line, &mut names, &mut gathered) {
            Ok(()) => sink.take(&gathered, number, gathered.is_set(Column::LineNo)),
            Err(fault) => sink.refuse(number, fault),
        }
    }
    let unknown: Vec<_> = names
        .meanings
        .iter()
        .filter(|(_, meaning)| **meaning == Meaning::Unknown)
        .map(|(name, _)| name.as_str())
        .collect();
    if let Some(warning) = header::unknown_warning(&unknown) {
        sink.warn(warning);
    }
}

/// Reads one line into the cells.
fn row<T: Readable>(line: &[u8], names: &mut Names<'_>, gathered: &mut Gathered) -> Result<(), FieldFault> {
    gathered.clear();
    let Ok(text) = std::str::from_utf8(line) else {
        let value = String::from_utf8_lossy(&line[..line.len().min(512)]).into_owned();
        let detail = "bytes that are no text in the encoding of the file";
        return Err(FieldFault::new("", &value, RejectReason::BadEncoding, detail));
    };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let seed = Object { names, gathered, content: T::CONTENT };
    let result = seed.deserialize(&mut deserializer).and_then(|()| deserializer.end());
    // Positions inside the line would be told against line 1 of a text the user does not have.
    let result = result.map_err(|error| {
        let detail = error.to_string();
        let detail = detail.split(" at line ").next().unwrap_or_default().to_owned();
        FieldFault::new("", text, RejectReason::BadRow, format!("no JSON object with plain values: {detail}"))
    });
    result?;
    gathered.too_long().map_or(Ok(()), Err)
}

/// What field names mean, remembered.
struct Names<'m> {
    map: &'m ColumnMap,
    meanings: BTreeMap<String, Meaning>,
}

impl Names<'_> {
    fn meaning(&mut self, content: super::Content, name: &str) -> Meaning {
        if let Some(meaning) = self.meanings.get(name) {
            return *meaning;
        }
        let meaning = self.map.meaning(content, name);
        if self.meanings.len() < NAMES_MAX {
            self.meanings.insert(name.to_owned(), meaning);
        }
        meaning
    }
}

/// An object whose values go into the cells.
struct Object<'o, 'm> {
    names: &'o mut Names<'m>,
    gathered: &'o mut Gathered,
    content: super::Content,
}

impl<'de> DeserializeSeed<'de> for Object<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(Name(name)) = map.next_key()? {
            let start = self.gathered.position();
            match self.names.meaning(self.content, &name) {
                Meaning::Known(column) if self.gathered.is_set(column) => {
                    return Err(M::Error::custom(format_args!("field {} is there twice", column.name())));
                }
                Meaning::Known(column) => {
                    map.next_value_seed(Value { text: self.gathered.text_mut(), may_be_list: column.is_list() })?;
                    self.gathered.set(column, start);
                }
                Meaning::Unknown | Meaning::LeftOut => {
                    map.next_value::<serde::de::IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A field name, borrowed where it has no escapes.
struct Name<'n>(Cow<'n, str>);

impl<'de> serde::Deserialize<'de> for Name<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a field name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(name)))
            }

            fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(name.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// A plain value, or an array of them, written as the text of a cell.
struct Value<'t> {
    text: &'t mut String,
    may_be_list: bool,
}

impl Value<'_> {
    fn write<E>(self, value: impl fmt::Display) -> Result<(), E> {
        // Writing into a String does not fail.
        let _ = write!(self.text, "{value}");
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a text, a number, true, false, null or a list of these")
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.text.push_str(value);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.write(value)
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.write(value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.write(value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        /// From here on a floating number does not tell neighbouring whole numbers apart.
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        if value.abs() >= EXACT_MAX {
            return Err(E::custom("a number too long to be exact; write it as a text"));
        }
        self.write(value)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut values: S) -> Result<(), S::Error> {
        if !self.may_be_list {
            return Err(S::Error::custom("a list where one value is expected"));
        }
        loop {
            let entry_start = self.text.len();
            if values.next_element_seed(Value { text: &mut *self.text, may_be_list: false })?.is_none() {
                return Ok(());
            }
            if self.text[entry_start..].contains(';') {
                return Err(S::Error::custom("an entry of a list contains `;`, which separates entries"));
            }
            self.text.push(';');
        }
    }
}

/// What came next.
enum Line {
    Row { is_terminated: bool },
    TooLong,
    End,
}

/// The lines of a stream, one at a time.
struct Lines<'a> {
    window: Window<'a>,
    /// Bytes of the current line in the window, its end included.
    line_bytes: usize,
    /// Physical line, from 1.
    line: u64,
    /// Beginning of a line that was skipped.
    skipped: String,
}

impl Lines<'_> {
    fn next(&mut self) -> io::Result<Line> {
        self.window.consume(self.line_bytes);
        self.line_bytes = 0;
        self.line += 1;
        let mut searched = 0;
        loop {
            let data = self.window.data();
            if let Some(at) = data[searched..].iter().position(|byte| *byte == b'\n') {
                self.line_bytes = searched + at + 1;
                return Ok(if self.line_bytes > ROW_BYTES_MAX {
                    Line::TooLong
                } else {
                    Line::Row { is_terminated: true }
                });
            }
            searched = data.len();
            if searched > ROW_BYTES_MAX {
                return self.skip();
            }
            if self.window.fill()? == 0 {
                self.line_bytes = searched;
                return Ok(if searched == 0 { Line::End } else { Line::Row { is_terminated: false } });
            }
        }
    }

    /// Skips all of a line that is too long but its beginning, which stays for the message.
    fn skip(&mut self) -> io::Result<Line> {
        self.line_bytes = self.window.data().len();
        self.skipped = self.beginning();
        self.line_bytes = 0;
        loop {
            let data = self.window.data();
            let end = data.iter().position(|byte| *byte == b'\n');
            self.window.consume(end.map_or(data.len(), |at| at + 1));
            if end.is_some() || self.window.fill()? == 0 {
                return Ok(Line::TooLong);
            }
        }
    }

    fn bytes(&self) -> &[u8] {
        &self.window.data()[..self.line_bytes]
    }

    /// Enough of the line for a message.
    fn beginning(&self) -> String {
        const SHOWN_BYTES_MAX: usize = 512;
        if self.line_bytes == 0 {
            return self.skipped.clone();
        }
        String::from_utf8_lossy(&self.bytes()[..self.line_bytes.min(SHOWN_BYTES_MAX)]).into_owned()
    }
}
