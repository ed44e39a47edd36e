//! Parties in comparable form: what `normalize` makes of a party as one paper spells it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Identifier;

/// A country by its two upper-case letters (ISO 3166-1 alpha-2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Country([u8; 2]);

impl Country {
    /// Kazakhstan.
    pub const KZ: Self = Self(*b"KZ");
    /// Russia.
    pub const RU: Self = Self(*b"RU");

    /// Reads two ASCII letters in either case.
    pub fn parse(text: &str) -> Option<Self> {
        match text.as_bytes() {
            [first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
                Some(Self([first.to_ascii_uppercase(), second.to_ascii_uppercase()]))
            }
            _ => None,
        }
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("??")
    }
}

impl std::fmt::Display for Country {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The generic legal form behind ТОО, ЖШС, LLP and so on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum LegalForm {
    /// Limited liability: ТОО, ЖШС, LLP, ООО, LLC, Ltd, ОсОО, GmbH.
    LimitedLiability,
    /// Share companies: АО, АҚ, JSC, ПАО, ЗАО.
    JointStock,
    /// Sole traders and farms: ИП, ЖК, IE, КХ.
    SoleTrader,
    /// A branch: филиал, филиалы.
    Branch,
    /// A representative office: представительство, өкілдігі.
    Representation,
    /// Co-operatives.
    Cooperative,
    /// State and municipal enterprises.
    StateEnterprise,
    /// Named, but of none of these.
    Other,
}

/// A company name folded so that its legitimate spellings meet.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct NameForm {
    /// Skeleton words in the order of the paper, legal form and quotes removed, translated words folded to one.
    pub tokens: Vec<String>,
    /// Skeleton words of a second name in brackets, if any.
    pub alias_tokens: Vec<String>,
    /// The legal form, where the paper names one.
    pub legal_form: Option<LegalForm>,
    /// The paper names a branch or representation of the company.
    pub is_branch: bool,
    /// The name may have been cut off by a field limit.
    pub may_be_cut: bool,
}

impl NameForm {
    /// The words joined without blanks: equal for joined and split spellings.
    pub fn joined(&self) -> String {
        self.tokens.concat()
    }
}

/// An address in comparable pieces; every piece may be missing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Address {
    /// City skeleton.
    pub city: Option<String>,
    /// Street skeleton without "ул.", "street" and the like.
    pub street: Option<String>,
    /// House number.
    pub house: Option<String>,
    /// Office or flat number.
    pub office: Option<String>,
}

/// A mention in comparable form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct MentionForm {
    /// The folded name, which other mentions may share.
    pub name: Arc<NameForm>,
    /// The number on the paper, valid or not.
    pub identifier: Option<Identifier>,
    /// The country on the paper.
    pub country: Option<Country>,
    /// The address on the paper, which other mentions may share.
    pub address: Arc<Address>,
    /// Telephone as digits with country code.
    pub phone: Option<String>,
    /// E-mail domain, unless it is a free mail service.
    pub email_domain: Option<String>,
}
