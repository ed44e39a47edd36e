//! Whether a store can be written to just now.

/// What a store can do at a moment. It finds back to [`StoreCondition::Writable`] by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StoreCondition {
    /// Everything.
    #[default]
    Writable,
    /// Reading only: there is no space left.
    Full,
    /// Reading at best: the disk fails, or something in the file is not what was written there.
    Broken,
}
