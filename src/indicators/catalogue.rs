//! The catalogue of red flags: what each means, what it is computed from and which document names it.
//!
//! Come here to read or add an entry. The numbers are those of the project's list of red flags from public guidance.
//! Weights are assumptions, small on purpose: they shift the prior, papers decide. The one large weight, for buyers founded
//! after the invasion, assumes six in ten diverting buyers against one in ten others; published data gives no such share.

use super::assess::View;
use super::{buyer, movement, orders};
use crate::model::Bits;

/// One red flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CatalogueEntry {
    /// Stable name.
    pub id: &'static str,
    /// Number in the project's list of red flags.
    pub number_in_source: u8,
    /// Title for a person.
    pub title: &'static str,
    /// What it means and what it is computed from.
    pub document: &'static str,
    /// The public documents that name it.
    pub source: &'static str,
    /// What a raised flag adds to the prior. Zero where papers of the link already say the same.
    pub weight: Bits,
    /// What a flag that was checked and is down adds; mostly zero.
    pub weight_clear: Bits,
}

/// What a rule says.
pub(super) enum Flag {
    /// Up, with the values compared.
    Raised(String),
    /// Down, with the values compared.
    Clear(String),
    /// What is missing.
    NotComputable(&'static str),
}

/// Computes one flag.
pub(super) type Rule = fn(&View<'_, '_>) -> Flag;

/// All entries, by number.
pub fn catalogue() -> &'static [CatalogueEntry] {
    &ENTRIES
}

/// The rules, in the order of the catalogue.
pub(super) fn rules() -> impl Iterator<Item = Rule> {
    RULES.into_iter()
}

const RULES: [Rule; 23] = [
    orders::priority_goods,
    buyer::registered_after_february_2022,
    buyer::new_customer_priority_goods,
    orders::goods_new_since_2022,
    orders::sharp_rise,
    buyer::register_status,
    buyer::shared_person,
    buyer::shared_address,
    orders::transshipment_destination,
    buyer::activity_mismatch,
    buyer::free_mail,
    buyer::phone_country_mismatch,
    orders::no_reexport_clause_missing,
    buyer::forwarder_as_consignee,
    buyer::intermediary_buyer,
    movement::arrival_missing,
    movement::onward_soon_after_arrival,
    movement::serial_seen,
    orders::payer_in_third_country,
    movement::price_far_above,
    orders::end_user_not_named,
    movement::code_drift,
    orders::order_splitting,
];

const fn entry(
    number_in_source: u8,
    id: &'static str,
    millibits: (i32, i32),
    title: &'static str,
    document: &'static str,
    source: &'static str,
) -> CatalogueEntry {
    CatalogueEntry {
        id,
        number_in_source,
        title,
        document,
        source,
        weight: Bits(millibits.0),
        weight_clear: Bits(millibits.1),
    }
}

static ENTRIES: [CatalogueEntry; 23] = [
    entry(
        1,
        "priority_goods",
        (300, 0),
        "Goods on the Common High Priority List",
        "The tariff code of the order line is one of the fifty codes that are most wanted for weapons, in six tiers. Computed from the \
         first six digits, in the editions 2022 and 2017 of the Harmonized System.",
        "FIN-2023-Alert004 (19 May 2023); BIS guidance of 10 July 2024; EU Regulation 833/2014, Annex XL",
    ),
    entry(
        3,
        "registered_after_february_2022",
        (2_500, -600),
        "Buyer registered after 24 February 2022",
        "The buyer was founded after the invasion, outside the countries of the export control coalition. Computed from the register's \
         date; where there is no register row, from year and month in a Kazakh business number, which re-registration may have changed.",
        "FIN-2023-Alert004 (19 May 2023); European Commission guidance on enhanced due diligence (7 September 2023)",
    ),
    entry(
        4,
        "new_customer_priority_goods",
        (300, 0),
        "New customer orders high priority goods",
        "The first order that this exporter holds from the buyer, or one within thirty days of it, is for goods of the Common High \
         Priority List. Computed from the buyer's first order date over all goods.",
        "FIN-2023-Alert004 (19 May 2023); G7 industry guidance (24 September 2024)",
    ),
    entry(
        5,
        "goods_new_since_2022",
        (300, 0),
        "Old customer buys goods it never bought before February 2022",
        "The buyer was a customer before 24 February 2022, and every order of this subheading is later. Computed from the orders of the \
         case and the buyer's first order date.",
        "G7 industry guidance (24 September 2024)",
    ),
    entry(
        6,
        "sharp_rise",
        (300, 0),
        "Sharp rise in quantity",
        "In the 180 days up to the order the buyer ordered at least three times as much of this subheading as in the 180 days before. \
         Needs at least two earlier order lines.",
        "G7 industry guidance (24 September 2024); joint advisory of the financial intelligence units of Canada, Germany and the \
         Netherlands (February 2024)",
    ),
    entry(
        7,
        "register_status",
        (300, 0),
        "Buyer is not active by the register",
        "The register calls the buyer dissolved, in liquidation, dormant or inactive, and yet it orders. Computed from the register's \
         status.",
        "Joint advisory of the financial intelligence units of Canada, Germany and the Netherlands (February 2024)",
    ),
    entry(
        11,
        "shared_person",
        (500, 0),
        "Director or owner shared with another firm of the case",
        "A director or owner of the buyer is also one of another firm that handles the goods. Computed from surname and initials in the \
         register: namesakes happen.",
        "FinCEN trend analysis (8 September 2023)",
    ),
    entry(
        13,
        "shared_address",
        (500, 0),
        "Address shared with another firm of the case",
        "The registered address of the buyer, office included, is also that of another firm that handles the goods. Computed from the \
         words of the register's addresses.",
        "FIN-2023-Alert004 (19 May 2023); G7 industry guidance (24 September 2024); UK OTSI guidance (7 January 2025)",
    ),
    entry(
        17,
        "transshipment_destination",
        (0, 0),
        "Priority goods for a known transshipment point",
        "The destination is named in public guidance as a place through which goods reach Russia, and the goods are on the Common High \
         Priority List. Every order of this corridor shares the destination, so it has no weight of its own.",
        "FIN-2022-Alert003 (28 June 2022); Tri-Seal compliance note (2 March 2023); UK OTSI guidance (7 January 2025)",
    ),
    entry(
        18,
        "activity_mismatch",
        (500, 0),
        "Goods do not fit the buyer's line of business",
        "A firm whose activity code is farming, food, catering, textiles, property or personal services orders high priority goods. \
         Computed from the first two digits of the activity code; which activities do not fit is a choice of Onward.",
        "FIN-2023-Alert004 (19 May 2023); joint notice of 6 November 2023; UK red alert of December 2023; UK OTSI guidance (7 January 2025)",
    ),
    entry(
        20,
        "free_mail",
        (200, 0),
        "Buyer writes from a free mail service",
        "The buyer's e-mail address belongs to a free mail service instead of a domain of its own: little presence on the web.",
        "Joint notice of 6 November 2023; UK red alert of December 2023",
    ),
    entry(
        21,
        "phone_country_mismatch",
        (500, 0),
        "Telephone of another country",
        "The country code of the buyer's telephone is not the buyer's country. Computed from international numbering plans; Kazakhstan \
         and Russia share +7 and are told apart by the next digit.",
        "Joint notice of 6 November 2023",
    ),
    entry(
        23,
        "no_reexport_clause_missing",
        (500, 0),
        "No-re-export clause missing",
        "Goods of the Common High Priority List were ordered on or after 20 March 2024 and the contract is stated not to forbid re-export to \
         Russia, which Article 12g asks of exporters to countries that are not partners.",
        "EU Regulation 833/2014, Article 12g; Tri-Seal compliance note (2 March 2023); joint notice of 6 November 2023",
    ),
    entry(
        25,
        "forwarder_as_consignee",
        (300, 0),
        "A freight forwarder receives or uses the goods",
        "Consignee or end user is a freight forwarder by its name, or the buyer is one by its activity code (division 49, 52 or 53).",
        "BIS Know Your Customer guidance, Supplement 3 to Part 732",
    ),
    entry(
        26,
        "intermediary_buyer",
        (200, 0),
        "Buyer is a wholesaler or agent",
        "The buyer's activity code is wholesale or agency (division 46): it does not use the goods itself. Very common in honest trade.",
        "European Commission guidance on enhanced due diligence (7 September 2023)",
    ),
    entry(
        29,
        "arrival_missing",
        (0, 0),
        "Goods never recorded as imported",
        "No arrival of this heading was seen for the buyer within 120 days of despatch, although arrivals are usually seen in this data. \
         Not computable where arrivals are rarely held or the data ends too early. Weighed in the flow, not here.",
        "Mirror statistics of exports to and imports of Kazakhstan in public research and press (2023)",
    ),
    entry(
        30,
        "onward_soon_after_arrival",
        (0, 0),
        "Same goods leave soon after arrival",
        "A likely onward shipment is dated within 45 days of the last arrival before it, or of despatch where no arrival is held. Weighed in \
         the link, not here.",
        "Investigations of single cases in the press (2023), in which goods left in the month of their arrival",
    ),
    entry(
        31,
        "serial_seen",
        (0, 0),
        "Same serial number seen onward",
        "A serial number of the order line stands on an onward paper. Weighed in the link, not here.",
        "Practice of device makers and marking codes of the Russian marking system (unverified)",
    ),
    entry(
        32,
        "payer_in_third_country",
        (500, 0),
        "Payment from another country",
        "The payer sits in another country than the buyer. Computed from the payer's country on the order.",
        "Tri-Seal compliance note (2 March 2023)",
    ),
    entry(
        36,
        "price_far_above",
        (0, 0),
        "Onward price far above the order's",
        "A likely onward paper asks at least twice the order's price for the unit. Computed only where both papers use one unit and one \
         currency. Weighed in the link, not here.",
        "Joint notice of 6 November 2023; UK red alert of December 2023",
    ),
    entry(
        38,
        "end_user_not_named",
        (200, 0),
        "Papers do not name the end user",
        "The order names no end user although other orders do, and the goods are on the Common High Priority List.",
        "Joint notice of 6 November 2023",
    ),
    entry(
        39,
        "code_drift",
        (0, 0),
        "Tariff code changes between papers",
        "A likely onward paper declares another subheading than the order: possible misclassification as similar goods, or another edition \
         of the tariff. Weighed in the link, not here.",
        "G7 industry guidance (24 September 2024); research on probable misclassification (EBRD)",
    ),
    entry(
        44,
        "order_splitting",
        (200, 0),
        "Several orders within a week",
        "The buyer placed at least three orders of this subheading within seven days: a lot may be split to stay below a threshold. The \
         source of this flag is general practice and unverified.",
        "General practice of transaction monitoring (unverified)",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{RULES, catalogue};

    #[test]
    fn every_entry_is_documented_and_ids_are_unique_snake_case() {
        let mut ids = BTreeSet::new();
        let mut number_before = 0;
        for entry in catalogue() {
            assert!(ids.insert(entry.id), "{}", entry.id);
            assert!(
                entry.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
                "{}",
                entry.id
            );
            assert!(entry.document.len() > 60 && entry.source.len() > 20 && entry.title.len() > 10, "{}", entry.id);
            assert!(entry.document.ends_with('.') && !entry.document.contains("  "), "{}", entry.id);
            assert!(entry.number_in_source > number_before, "{}", entry.id);
            assert!((-1_000..=2_500).contains(&entry.weight.0) && entry.weight_clear.0 <= 0, "{}", entry.id);
            number_before = entry.number_in_source;
        }
        assert_eq!(ids.len(), RULES.len());
    }
}
