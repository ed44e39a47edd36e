//! Everything that speaks for or against two parties being one: number, name, form, country, address, contacts.
//!
//! Come here to see which fields count and how agreement is graded; the weights are in `weights`. Each comparer gives
//! evidence with both values. Which firms are compared at all is decided in `directory`.

use super::names::{compare_names, legal_form_bits, legal_form_evidence};
use super::statistics::NameStatistics;
use super::weights as w;
use crate::model::{
    Address, Bits, Country, Evidence, EvidenceKind, Identifier, IdentifierKind, MentionForm, NameForm, Validity,
};

/// What a comparison of two parties gives.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Comparison {
    /// Sum of the evidence; no prior.
    pub bits: Bits,
    /// Each reason.
    pub evidence: Vec<Evidence>,
}

/// Compares two mentions as they stand.
pub fn compare_forms(a: &MentionForm, b: &MentionForm, statistics: &NameStatistics) -> Comparison {
    let mut comparison = Comparison::default();
    let identifiers = match (&a.identifier, &b.identifier) {
        (Some(one), Some(other)) => compare_identifiers(one, other),
        _ => None,
    };
    let same_number =
        identifiers.as_ref().is_some_and(|evidence| evidence.bits.0 >= Bits::from_f64(w::IDENTIFIER_SAME).0);
    comparison.evidence.extend(identifiers);
    comparison.evidence.extend(compare_name(&a.name, &b.name, statistics, same_number));
    if let Some(bits) = legal_form_bits(&a.name, &b.name) {
        comparison.evidence.push(legal_form_evidence(&a.name, &b.name, bits));
    }
    comparison.evidence.extend(compare_countries(a.country, b.country));
    comparison.evidence.extend(compare_addresses(&a.address, &b.address));
    comparison.evidence.extend(compare_texts(
        EvidenceKind::Phone,
        &a.phone,
        &b.phone,
        w::PHONE_SAME,
        w::PHONE_DIFFERENT,
    ));
    comparison.evidence.extend(compare_texts(
        EvidenceKind::EmailDomain,
        &a.email_domain,
        &b.email_domain,
        w::EMAIL_DOMAIN_SAME,
        0.0,
    ));
    comparison.bits = comparison.evidence.iter().map(|evidence| evidence.bits).sum();
    comparison
}

pub(super) fn evidence(kind: EvidenceKind, ours: &str, theirs: &str, bits: f64) -> Evidence {
    Evidence { kind, ours: ours.to_owned(), theirs: theirs.to_owned(), bits: Bits::from_f64(bits) }
}

/// The name of a form for evidence: its words, with the name in brackets.
pub(super) fn shown(name: &NameForm) -> String {
    if name.alias_tokens.is_empty() {
        name.tokens.join(" ")
    } else {
        format!("{} ({})", name.tokens.join(" "), name.alias_tokens.join(" "))
    }
}

fn compare_name(a: &NameForm, b: &NameForm, statistics: &NameStatistics, same_number: bool) -> Option<Evidence> {
    if a.tokens.is_empty() || b.tokens.is_empty() {
        return None;
    }
    let floor = if same_number { w::NAME_FLOOR_WITH_IDENTIFIER } else { w::NAME_FLOOR };
    let bits = compare_names(a, b, statistics).max(floor);
    Some(evidence(EvidenceKind::Name, &shown(a), &shown(b), bits))
}

/// Numbers of one register; `None` where they cannot be compared.
pub(super) fn compare_identifiers(a: &Identifier, b: &Identifier) -> Option<Evidence> {
    if register(a.kind) != register(b.kind) {
        return None;
    }
    let is_invalid = a.validity == Validity::Invalid || b.validity == Validity::Invalid;
    let bits = match (a.value == b.value, is_invalid) {
        (true, false) => w::IDENTIFIER_SAME,
        // The same wrong number twice is hardly chance.
        (true, true) => w::IDENTIFIER_NEAR,
        (false, false) if is_slip(&a.value, &b.value) => w::IDENTIFIER_VALID_NEAR,
        (false, false) => w::IDENTIFIER_DIFFERENT,
        (false, true) if is_slip(&a.value, &b.value) => w::IDENTIFIER_NEAR,
        (false, true) => w::IDENTIFIER_INVALID_DIFFERENT,
    };
    Some(evidence(EvidenceKind::Identifier, &a.value, &b.value, bits))
}

/// Numbers of one group are given to a company once, so two of them that differ contradict each other.
fn register(kind: IdentifierKind) -> u8 {
    match kind {
        IdentifierKind::KzBin | IdentifierKind::KzIin => 0,
        IdentifierKind::RuInnOrganisation | IdentifierKind::RuInnPerson => 1,
        IdentifierKind::RuOgrn | IdentifierKind::RuOgrnip => 2,
        IdentifierKind::ByUnp => 3,
        IdentifierKind::KgInn => 4,
        IdentifierKind::AmTin => 5,
        IdentifierKind::UzStir => 6,
        IdentifierKind::Lei => 7,
        IdentifierKind::Other => 8,
    }
}

/// One digit wrong, missing or too many, or two neighbours swapped.
pub(super) fn is_slip(one: &str, other: &str) -> bool {
    let (short, long) =
        if one.len() <= other.len() { (one.as_bytes(), other.as_bytes()) } else { (other.as_bytes(), one.as_bytes()) };
    let first = short.iter().zip(long).position(|(a, b)| a != b).unwrap_or(short.len());
    match long.len() - short.len() {
        0 if first < short.len() => {
            let swapped = first + 1 < short.len() && short[first] == long[first + 1] && short[first + 1] == long[first];
            short[first + 1..] == long[first + 1..] || swapped && short[first + 2..] == long[first + 2..]
        }
        1 => short[first..] == long[first + 1..],
        _ => false,
    }
}

pub(super) fn compare_countries(a: Option<Country>, b: Option<Country>) -> Option<Evidence> {
    let (one, other) = (a?, b?);
    (one != other).then(|| evidence(EvidenceKind::Address, one.as_str(), other.as_str(), w::COUNTRY_DIFFERENT))
}

/// Grades two addresses; `None` where they have no piece in common.
pub(super) fn address_bits(a: &Address, b: &Address) -> Option<f64> {
    let same = |one: &Option<String>, other: &Option<String>| {
        one.as_ref().zip(other.as_ref()).map(|(one, other)| one == other)
    };
    let (city, house) = (same(&a.city, &b.city), same(&a.house, &b.house));
    // Streets are compared letter by letter, so only where they decide.
    match (city, house) {
        (Some(false), _) => return Some(w::ADDRESS_OTHER_CITY),
        (Some(true), Some(false)) => return Some(w::ADDRESS_OTHER_HOUSE),
        _ => {}
    }
    let street = a.street.as_ref().zip(b.street.as_ref()).map(|(one, other)| is_same_street(one, other));
    match (city, street, house) {
        (Some(_), Some(true), Some(_)) => Some(w::ADDRESS_SAME),
        (None, Some(true), Some(true)) => Some(w::ADDRESS_STREET + w::ADDRESS_CITY),
        (Some(_), Some(true), None) => Some(w::ADDRESS_STREET),
        (_, Some(false), _) | (None, Some(true), Some(false)) => Some(w::ADDRESS_OTHER_HOUSE),
        (Some(_), None, _) => Some(w::ADDRESS_CITY),
        (None, Some(true), None) => Some(w::ADDRESS_CITY),
        (None, None, _) => None,
    }
}

/// Street names differ by case endings (`Назарбаева`, `Nazarbayev`) and small slips.
fn is_same_street(one: &str, other: &str) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    one == other
        || short.len() >= 4 && long.len() - short.len() <= 2 && long.starts_with(short)
        || short.len() >= 5
            && super::similarity::distance(one.as_bytes(), other.as_bytes(), super::similarity::WHOLE).is_some()
}

pub(super) fn compare_addresses(a: &Address, b: &Address) -> Option<Evidence> {
    Some(evidence(EvidenceKind::Address, &shown_address(a), &shown_address(b), address_bits(a, b)?))
}

pub(super) fn shown_address(address: &Address) -> String {
    let pieces = [&address.city, &address.street, &address.house, &address.office];
    pieces.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn compare_texts(
    kind: EvidenceKind,
    a: &Option<String>,
    b: &Option<String>,
    same: f64,
    different: f64,
) -> Option<Evidence> {
    let (one, other) = (a.as_ref()?, b.as_ref()?);
    let bits = if one == other { same } else { different };
    (bits != 0.0).then(|| evidence(kind, one, other, bits))
}
