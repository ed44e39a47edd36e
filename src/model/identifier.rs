//! Identifiers of companies and persons, with what their check digits say.

use serde::{Deserialize, Serialize};

/// Whose register issued the number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum IdentifierKind {
    /// Kazakh business number BIN (12 digits) of a legal entity.
    KzBin,
    /// Kazakh individual number IIN (12 digits), also of sole traders.
    KzIin,
    /// Russian taxpayer number INN of an organisation (10 digits).
    RuInnOrganisation,
    /// Russian taxpayer number INN of a person (12 digits).
    RuInnPerson,
    /// Russian registration number OGRN (13 digits).
    RuOgrn,
    /// Russian sole trader's registration number OGRNIP (15 digits).
    RuOgrnip,
    /// Belarusian payer number UNP (9).
    ByUnp,
    /// Kyrgyz INN (14 digits; no published check).
    KgInn,
    /// Armenian TIN (8 digits; no published check).
    AmTin,
    /// Uzbek STIR (9 digits; no published check).
    UzStir,
    /// Legal entity identifier (ISO 17442, 20 characters).
    Lei,
    /// Anything else.
    Other,
}

/// What can be said of a number from its own digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Validity {
    /// The check digits agree.
    Valid,
    /// Right length, but no check is published for its kind.
    Unchecked,
    /// Wrong length or check digits: noted and given no weight of its own.
    Invalid,
}

/// A number as printed, folded to its significant characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Identifier {
    /// Which register.
    pub kind: IdentifierKind,
    /// Upper case, without blanks and punctuation.
    pub value: String,
    /// What its check digits say.
    pub validity: Validity,
}
