//! The name that is asked for, while the firms of a directory are compared with it.
//!
//! Come here because papers spell few names in many places: one firm's name stands on thousands of mentions that differ in
//! address, number or telephone. Each spelling of a firm is compared with it once for all of them.

use std::sync::Arc;

use foldhash::HashMap;

use super::index::words_mark;
use super::names::compare_with_prepared;
use super::prepared::PreparedName;
use super::statistics::NameStatistics;
use crate::model::NameForm;

/// A name asked for, and what comparing it with spellings of the directory gave. Lives no longer than the spellings.
pub(super) struct AskedName<'d> {
    name: PreparedName,
    /// Stands for its words, see [`words_mark`].
    mark: u32,
    /// Bits by the place where a spelling is held, which is the same spelling as long as this lives.
    bits: HashMap<*const NameForm, f64>,
    statistics: &'d NameStatistics,
}

impl<'d> AskedName<'d> {
    pub(super) fn new(name: &Arc<NameForm>, statistics: &'d NameStatistics) -> Self {
        let mark = words_mark(&name.tokens);
        Self { name: PreparedName::new(Arc::clone(name)), mark, bits: HashMap::default(), statistics }
    }

    /// The name.
    pub(super) fn form(&self) -> &Arc<NameForm> {
        self.name.form()
    }

    /// Stands for the words of the name.
    pub(super) fn mark(&self) -> u32 {
        self.mark
    }

    /// Bits for the name and a spelling that the directory holds, see [`super::names::compare_names`].
    pub(super) fn bits(&mut self, spelling: &'d NameForm) -> f64 {
        let compare = || compare_with_prepared(spelling, &self.name, self.statistics);
        *self.bits.entry(std::ptr::from_ref(spelling)).or_insert_with(compare)
    }
}

/// The name asked for last, for whoever asks for equal ones one after the other.
pub(super) struct AskedNames<'d> {
    last: Option<AskedName<'d>>,
    statistics: &'d NameStatistics,
}

impl<'d> AskedNames<'d> {
    pub(super) fn new(statistics: &'d NameStatistics) -> Self {
        Self { last: None, statistics }
    }

    /// The name, with what comparing it gave if it was asked for last.
    pub(super) fn of(&mut self, name: &Arc<NameForm>) -> &mut AskedName<'d> {
        let same = self.last.take().filter(|asked| asked.form() == name);
        self.last.insert(same.unwrap_or_else(|| AskedName::new(name, self.statistics)))
    }
}
