//! Names and addresses as records spell them, each folded once, and each folded form held once.
//!
//! Come here for what the parties held share: a large firm's name stands on a million mentions.

use std::hash::Hash;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use rayon::prelude::*;

use super::pool::Text;

/// Folded forms by the text that was folded.
#[derive(Debug)]
pub(super) struct Spellings<F> {
    by_text: HashMap<Text, Arc<F>>,
    forms: HashSet<Arc<F>>,
}

impl<F> Default for Spellings<F> {
    fn default() -> Self {
        Self { by_text: HashMap::default(), forms: HashSet::default() }
    }
}

impl<F: Eq + Hash + Send + Sync> Spellings<F> {
    /// Folds those texts, side by side, that are spelt in a new way.
    pub(super) fn take_up(&mut self, texts: impl Iterator<Item = Text>, fold: impl Fn(Text) -> F + Sync) {
        let new: HashSet<Text> = texts.filter(|text| !self.by_text.contains_key(text)).collect();
        let folded: Vec<(Text, F)> = new.into_par_iter().map(|text| (text, fold(text))).collect();
        for (text, form) in folded {
            let form = match self.forms.get(&form) {
                Some(held) => Arc::clone(held),
                None => {
                    let form = Arc::new(form);
                    self.forms.insert(Arc::clone(&form));
                    form
                }
            };
            self.by_text.insert(text, form);
        }
    }

    /// Every text that was taken up with its form.
    pub(super) fn texts(&self) -> Vec<(Text, &Arc<F>)> {
        self.by_text.iter().map(|(text, form)| (*text, form)).collect()
    }

    /// Takes up texts again, each with the number of its form among these.
    pub(super) fn restore(&mut self, texts: Vec<(Text, u32)>, forms: &[Arc<F>]) {
        let mut is_held = vec![false; forms.len()];
        self.by_text.reserve(texts.len());
        for (text, number) in texts {
            let (Some(form), Some(is_held)) = (forms.get(number as usize), is_held.get_mut(number as usize)) else {
                continue;
            };
            if !std::mem::replace(is_held, true) {
                self.forms.insert(Arc::clone(form));
            }
            self.by_text.insert(text, Arc::clone(form));
        }
    }

    /// The form of a text that was taken up.
    pub(super) fn of(&self, text: Text) -> Option<Arc<F>> {
        self.by_text.get(&text).map(Arc::clone)
    }
}
