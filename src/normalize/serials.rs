//! Serial and lot numbers: one spelling each, ranges written out.
//!
//! Come here to fold what is printed on a device or a lot. Comparison, also of zeros with the letter O, is in `goods`.

use super::part_numbers::fold;

/// A range of more numbers than this is not written out: only its two ends are kept.
pub const SERIAL_RANGE_MAX: usize = 500;

/// At most this many serial numbers of one line are kept, in the order of the paper.
pub const SERIALS_MAX: usize = 10_000;

/// Folds serial numbers and writes ranges out (`A100-A199` is one hundred numbers). Sorted, without duplicates.
pub fn serials(printed: &[String]) -> Vec<String> {
    let mut all = Vec::with_capacity(printed.len());
    for text in printed {
        if all.len() >= SERIALS_MAX {
            break;
        }
        push_serials(strip_label(text.trim()), &mut all);
    }
    all.truncate(SERIALS_MAX);
    all.sort_unstable();
    all.dedup();
    all
}

/// Folds lot numbers; they are never ranges. Sorted, without duplicates.
pub fn lots(printed: &[String]) -> Vec<String> {
    let mut all: Vec<String> =
        printed.iter().take(SERIALS_MAX).map(|text| fold(text)).filter(|lot| lot.len() >= 2).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn strip_label(text: &str) -> &str {
    const LABELS: [&str; 5] = ["s/n", "serial no", "serial", "sn:", "imei"];
    for label in LABELS {
        if text.get(..label.len()).is_some_and(|head| head.eq_ignore_ascii_case(label)) {
            let rest = &text[label.len()..];
            let number = rest.trim_start_matches([':', '.', ' ', '#']);
            if number.len() < rest.len() || label.ends_with(':') {
                return number;
            }
        }
    }
    text
}

fn push_serials(text: &str, all: &mut Vec<String>) {
    if let Some((first, last, count)) = range_of(text) {
        let (prefix, first_digits) = split_digits(&first);
        if count <= SERIAL_RANGE_MAX
            && let Ok(start) = first_digits.parse::<u64>()
        {
            let width = first_digits.len();
            all.extend((0..count as u64).map(|step| format!("{prefix}{:0width$}", start + step)));
        } else {
            all.push(first);
            all.push(last);
        }
        return;
    }
    let folded = fold(text);
    if folded.len() >= 3 && folded.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0') {
        all.push(folded);
    }
}

/// Both ends of a range and how many numbers it has, where the text is one. A bare hyphen needs the prefix on both
/// sides or none at all, since serial numbers contain hyphens; `..`, `–` and a hyphen between blanks may leave it out.
fn range_of(text: &str) -> Option<(String, String, usize)> {
    const WIDE: [&str; 6] = ["...", "..", "–", "—", " - ", " to "];
    let wide = WIDE.iter().find_map(|mark| text.split_once(mark));
    let (left, right) = wide.or_else(|| text.split_once('-'))?;
    if right.contains('-') {
        return None;
    }
    let (first, mut last) = (fold(left), fold(right));
    let (prefix, first_digits) = split_digits(&first);
    let may_leave_out = wide.is_some() && last.bytes().all(|byte| byte.is_ascii_digit()) && !last.is_empty();
    if may_leave_out && !prefix.is_empty() && last.len() <= first_digits.len() {
        let kept = first.len() - last.len();
        last.insert_str(0, &first[..kept]);
    }
    let (last_prefix, last_digits) = split_digits(&last);
    let digit_count = first_digits.len();
    // Eighteen digits fit into the integer; two groups of few digits are one serial number with a hyphen.
    let fits = (1..=18).contains(&digit_count) && last_digits.len() == digit_count && prefix == last_prefix;
    if !fits || (prefix.is_empty() && digit_count < 5 && wide.is_none()) {
        return None;
    }
    let (start, end) = (first_digits.parse::<u64>().ok()?, last_digits.parse::<u64>().ok()?);
    let count = usize::try_from(end.checked_sub(start)?.checked_add(1)?).ok()?;
    (count > 1).then_some((first, last, count))
}

fn split_digits(folded: &str) -> (&str, &str) {
    let digit_count = folded.bytes().rev().take_while(u8::is_ascii_digit).count();
    folded.split_at(folded.len() - digit_count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{SERIAL_RANGE_MAX, lots, serials};

    fn of(text: &str) -> Vec<String> {
        serials(&text.split(';').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn ranges_are_written_out_and_hyphens_inside_numbers_are_not_ranges() {
        let cases = [
            ("A100-A103", vec!["A100", "A101", "A102", "A103"]),
            ("S/N: a-098 .. 101", vec!["A098", "A099", "A100", "A101"]),
            ("A098–A101", vec!["A098", "A099", "A100", "A101"]),
            ("12345-12347", vec!["12345", "12346", "12347"]),
            ("TEK-22086018", vec!["TEK22086018"]),
            ("1234-5678", vec!["12345678"]),
            ("AB12-34", vec!["AB1234"]),
            ("A200-A100", vec!["A200A100"]),
            ("ТЕК22086018;tek 22086018", vec!["TEK22086018"]),
            ("000;-;n/a;", vec![]),
        ];
        for (text, expected) in cases {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn long_ranges_keep_their_ends_only() {
        assert_eq!(of(&format!("A1000-A{}", 1000 + SERIAL_RANGE_MAX - 1)).len(), SERIAL_RANGE_MAX);
        assert_eq!(of("A1000-A9999"), ["A1000", "A9999"]);
        assert_eq!(of("A100000000000000000-A999999999999999999").len(), 2);
    }

    #[test]
    fn lots_are_folded() {
        assert_eq!(lots(&["L-12/а".to_owned(), "l12A".to_owned(), "-".to_owned()]), ["L12A"]);
    }

    proptest! {
        #[test]
        fn nothing_breaks_it_and_order_does_not_matter(mut list in proptest::collection::vec("\\PC{0,20}", 0..6)) {
            let forward = serials(&list);
            list.reverse();
            prop_assert_eq!(&forward, &serials(&list));
            prop_assert_eq!(serials(&forward), forward);
        }
    }
}
