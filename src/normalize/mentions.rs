//! A party of a paper as a whole in comparable form.
//!
//! Come here to see which fields of a party are used and how a missing country is found. Comparison is in `resolve`.

use super::{address, email_domain, identifier, name, phone};
use crate::model::{Country, IdentifierKind, MentionForm, Party, Validity};

/// Folds every field of a party. A missing country follows from a valid Kazakh or Russian number.
pub fn mention(party: &Party) -> MentionForm {
    let identifier = identifier(&party.identifier, party.country);
    let issuer =
        identifier.as_ref().filter(|found| found.validity == Validity::Valid).and_then(|found| match found.kind {
            IdentifierKind::KzBin | IdentifierKind::KzIin => Some(Country::KZ),
            IdentifierKind::RuInnOrganisation
            | IdentifierKind::RuInnPerson
            | IdentifierKind::RuOgrn
            | IdentifierKind::RuOgrnip => Some(Country::RU),
            _ => None,
        });
    MentionForm {
        name: name(&party.name),
        identifier,
        country: party.country.or(issuer),
        address: address(&party.address),
        phone: phone(&party.phone),
        email_domain: email_domain(&party.email),
    }
}
