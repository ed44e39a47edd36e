//! A party of a paper as a whole in comparable form.
//!
//! Come here to see which fields of a party are used and how a missing country is found. Comparison is in `resolve`.

use std::sync::Arc;

use super::{address, email_domain, identifier, name, phone};
use crate::model::{Address, Country, IdentifierKind, MentionForm, NameForm, Party, Validity};

/// Folds every field of a party. A missing country follows from a valid Kazakh or Russian number.
pub fn mention(party: &Party) -> MentionForm {
    mention_with(party, Arc::new(name(&party.name)), Arc::new(address(&party.address)))
}

/// The same where name and address of the party were folded before.
pub fn mention_with(party: &Party, name: Arc<NameForm>, address: Arc<Address>) -> MentionForm {
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
        name,
        identifier,
        country: party.country.or(issuer),
        address,
        phone: phone(&party.phone),
        email_domain: email_domain(&party.email),
    }
}
