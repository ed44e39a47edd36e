//! Words of goods across English, German and Russian: which concepts of `data/glossary.tsv` a description names.
//!
//! Come here to see how stems meet words. What equal concepts are worth is weighed in `goods`.

use std::sync::LazyLock;

/// One way to say a concept: as many words as bits are set in `needed`.
struct Phrase {
    concept: u16,
    needed: u8,
}

/// A stem of a phrase, at the node of the trie where it ends.
struct Stem {
    phrase: u16,
    word_bit: u8,
    /// May begin inside a word: compounds.
    inside: bool,
    /// Must end where the word ends.
    whole: bool,
}

#[derive(Default)]
struct Node {
    children: Vec<(u8, u32)>,
    stems: Vec<Stem>,
    /// Some stem at or below this node may begin inside a word.
    inside_below: bool,
}

/// The glossary, ready to be walked.
pub(super) struct Glossary {
    concepts: Vec<&'static str>,
    phrases: Vec<Phrase>,
    nodes: Vec<Node>,
}

/// Which concepts a description names, and which of its words said so.
pub(super) struct Named {
    /// Concepts in alphabetical order without duplicates; those that say nothing are left out.
    pub(super) concepts: Vec<&'static str>,
    /// For each word whether it is explained by a concept, also by one that says nothing.
    pub(super) explained: Vec<bool>,
}

static EMBEDDED: LazyLock<Glossary> = LazyLock::new(|| Glossary::parse(include_str!("../../data/glossary.tsv")));

impl Glossary {
    /// The glossary that comes with Onward.
    pub(super) fn embedded() -> &'static Self {
        &EMBEDDED
    }

    fn parse(table: &'static str) -> Self {
        let mut glossary = Self { concepts: Vec::new(), phrases: Vec::new(), nodes: vec![Node::default()] };
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split('\t');
            let Some(concept) = columns.next() else { continue };
            glossary.concepts.push(concept);
            for alternative in columns.flat_map(|column| column.split(',')) {
                glossary.add_phrase(alternative);
            }
        }
        glossary
    }

    fn add_phrase(&mut self, alternative: &str) {
        let words: Vec<&str> = alternative.split_whitespace().take(8).collect();
        if words.is_empty() {
            return;
        }
        let phrase = self.phrases.len() as u16;
        let needed = ((1u16 << words.len()) - 1) as u8;
        self.phrases.push(Phrase { concept: (self.concepts.len() - 1) as u16, needed });
        for (position, word) in words.iter().enumerate() {
            let stem =
                Stem { phrase, word_bit: 1 << position, inside: word.starts_with('*'), whole: word.ends_with('=') };
            let mut folded = String::new();
            super::goods_letters::push_word_lower(word.trim_matches(['*', '=']), &mut folded);
            self.add_stem(&folded, stem);
        }
    }

    fn add_stem(&mut self, folded: &str, stem: Stem) {
        let mut at = 0usize;
        for byte in folded.bytes() {
            self.nodes[at].inside_below |= stem.inside;
            let known = self.nodes[at].children.iter().find(|(letter, _)| *letter == byte);
            at = match known {
                Some((_, child)) => *child as usize,
                None => {
                    let child = self.nodes.len();
                    self.nodes.push(Node::default());
                    self.nodes[at].children.push((byte, child as u32));
                    child
                }
            };
        }
        self.nodes[at].stems.push(stem);
    }

    /// The concepts that these words, folded to small letters, name.
    pub(super) fn name(&self, words: &[&str]) -> Named {
        // Hits as (phrase, bit, word): short lists, sorted once, instead of a table over all phrases.
        let mut hits: Vec<(u16, u8, u16)> = Vec::with_capacity(16);
        for (index, word) in words.iter().enumerate() {
            self.walk(word.as_bytes(), 0, index as u16, &mut hits);
            for start in 1..word.len().saturating_sub(3) {
                if word.is_char_boundary(start) {
                    self.walk(&word.as_bytes()[start..], start, index as u16, &mut hits);
                }
            }
        }
        hits.sort_unstable();
        let mut named = Named { concepts: Vec::new(), explained: vec![false; words.len()] };
        for group in hits.chunk_by(|one, other| one.0 == other.0) {
            let phrase = &self.phrases[usize::from(group[0].0)];
            if group.iter().fold(0, |bits, hit| bits | hit.1) == phrase.needed {
                group.iter().for_each(|hit| named.explained[usize::from(hit.2)] = true);
                let concept = self.concepts[usize::from(phrase.concept)];
                if !concept.starts_with('?') {
                    named.concepts.push(concept);
                }
            }
        }
        named.concepts.sort_unstable();
        named.concepts.dedup();
        named
    }

    fn walk(&self, letters: &[u8], start: usize, word: u16, hits: &mut Vec<(u16, u8, u16)>) {
        let mut node = &self.nodes[0];
        for (index, letter) in letters.iter().enumerate() {
            if start > 0 && !node.inside_below {
                return;
            }
            let Some((_, child)) = node.children.iter().find(|(known, _)| known == letter) else { return };
            node = &self.nodes[*child as usize];
            let is_end = index + 1 == letters.len();
            let fits = |stem: &&Stem| (start == 0 || stem.inside) && (is_end || !stem.whole);
            hits.extend(node.stems.iter().filter(fits).map(|stem| (stem.phrase, stem.word_bit, word)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Glossary;

    #[test]
    fn the_table_is_well_formed() {
        let table = include_str!("../../data/glossary.tsv");
        let mut seen = std::collections::BTreeSet::new();
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            let columns: Vec<&str> = line.split('\t').collect();
            assert_eq!(columns.len(), 4, "{line}");
            assert!(seen.insert(columns[0]), "{line}");
            let letters = columns[0].trim_start_matches(['~', '?']);
            assert!(letters.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
            assert!(columns[1..].iter().all(|column| !column.trim().is_empty()), "{line}");
            // More than eight words in one phrase would be cut.
            assert!(
                columns[1..]
                    .iter()
                    .flat_map(|column| column.split(','))
                    .all(|phrase| phrase.split_whitespace().count() <= 4)
            );
        }
        assert!(seen.iter().filter(|concept| !concept.starts_with(['~', '?'])).count() > 200);
    }

    #[test]
    fn a_phrase_needs_all_its_words_and_compounds_are_looked_into() {
        let glossary = Glossary::embedded();
        let cases: [(&[&str], &[&str]); 6] = [
            (&["washing", "machine"], &["washing_machine"]),
            (&["washing"], &[]),
            (&["cnc", "horizontaldrehmaschine"], &["lathe", "~horizontal", "~numeric_control"]),
            (&["pumpenteile"], &["pump", "~part"]),
            (&["товары", "прочие"], &[]),
            (&["карбамид"], &["urea"]),
        ];
        for (words, expected) in cases {
            let mut concepts = glossary.name(words).concepts;
            concepts.retain(|concept| expected.contains(concept) || !concept.starts_with('~'));
            assert_eq!(concepts, expected, "{words:?}");
        }
        assert!(glossary.name(&["товары", "прочие"]).explained.iter().all(|explained| *explained));
    }
}
