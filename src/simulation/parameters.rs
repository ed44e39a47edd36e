//! Every rate behind a world, each with its anchor, and the profiles' sets of them.
//!
//! "Assumption" means that no published figure fixes the rate. The anchors are figures on the trade itself; they
//! are quoted with their source, and none of them gives a distribution of dwell times, chain lengths or noise.

use super::Profile;
use super::dice::{Dice, Purpose};

/// A distribution given by its least value, its nine deciles and its greatest value; linear between them.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Deciles(pub [f64; 11]);

/// Every rate of a world. Shares are probabilities between zero and one.
#[derive(Clone, PartialEq, Debug)]
pub struct Parameters {
    // -- buyers and orders --------------------------------------------------------------------------------------
    /// Order lines of one buyer, on average. Assumption.
    pub orders_per_buyer: f64,
    /// Share of buyers that ever divert. Anchor: few firms carry the trade (FinCEN trend analysis, September 2023;
    /// EBRD working paper on intermediated trade); the share itself is an assumption.
    pub diverting_buyer_share: f64,
    /// Share of a diverting buyer's order lines from which goods go on. Assumption.
    pub diverted_order_share: f64,
    /// Share of diverted lines that go on whole. Anchor: one Astana firm sent on all 2,598 chips it received in the
    /// same month (Vlast, 2024); country figures for chips and drones are near a quarter. The share is an assumption.
    pub whole_lot_share: f64,
    /// Diverted part of a line that does not go on whole. Assumption.
    pub diverted_fraction: Deciles,
    /// Share of diverting buyers founded after 24 February 2022. Anchor: the two firms of the published cases were
    /// founded in March and April 2022; the share is an assumption.
    pub new_firm_share_diverting: f64,
    /// The same of all others. Assumption.
    pub new_firm_share_honest: f64,
    /// Share of order lines that repeat an earlier item of the buyer, most of them within a month. Assumption.
    pub reorder_share: f64,
    /// Share of order lines that stand as a further line on the order before. Assumption.
    pub order_further_line_share: f64,
    /// Share of orders that go to a forwarder first. Anchor: a forwarder as consignee is among the flags of the BIS
    /// Know-Your-Customer guidance; the share is an assumption.
    pub forwarder_consignee_share: f64,
    /// Share of orders that name an end user. Assumption.
    pub end_user_stated_share: f64,
    /// Share of diverting buyers' orders paid from a third country. Anchor: a flag of the Tri-Seal note of March 2023;
    /// the share is an assumption.
    pub foreign_payer_share_diverting: f64,
    /// The same of all other orders. Assumption.
    pub foreign_payer_share_honest: f64,
    /// Value of an order line in euros. Assumption.
    pub order_value_eur: Deciles,

    // -- the way of diverted goods ------------------------------------------------------------------------------
    /// Weights of none, one and two firms between buyer and border. Anchor: one in both published cases.
    pub hop_weights: [f64; 3],
    /// Weights of one to five onward papers for one order line. Assumption.
    pub part_weights: [f64; 5],
    /// Probability that two consignments of like goods that fall together travel on one line. Assumption.
    pub merge_share: f64,
    /// Probability that consignments of different goods that fall together share a paper. Assumption.
    pub shared_paper_share: f64,
    /// Share of consignments held back for months. Assumption.
    pub late_share: f64,
    /// Share of diverted lines that never arrive and are declared straight into Russia. Anchor: about half of the
    /// *additional* exports to Armenia, Kazakhstan and Kyrgyzstan in 2022-23 were never recorded there (EBRD).
    pub false_transit_share: f64,
    /// Days from despatch to arrival. Anchor: road 12 to 25 days, air 4 to 8, rail 20 to 35 (trade practice).
    pub transit_days: Deciles,
    /// Days from arrival to the first onward paper. Anchor: the same month in the Astana case; assumption.
    pub dwell_days: Deciles,
    /// Days one firm between holds the goods. Assumption.
    pub hop_days: Deciles,
    /// Days from despatch to a declaration in false transit. Assumption.
    pub false_transit_days: Deciles,
    /// Price in Russia over price in the order. Anchor: export-controlled goods +75 % over fourteen countries,
    /// +40 % over other goods, +25 to 55 % through Turkey (Bank of Finland BOFIT).
    pub markup: Deciles,

    // -- what papers show ---------------------------------------------------------------------------------------
    /// Share of arrivals that the feed holds. Anchor: 32 % and 13 % of Lithuanian dual-use exports were recorded on
    /// arrival (Financial Times); feeds differ, so an assumption.
    pub arrival_seen_share: f64,
    /// Share of onward lines counted in kilograms instead of pieces. Assumption.
    pub unit_change_share: f64,
    /// Share of onward lines of small parts counted in thousands. Assumption.
    pub thousand_unit_share: f64,
    /// Share of onward lines under a neighbouring code of the same heading. Anchor: EBRD names misclassification as
    /// similar goods a working method; the share is an assumption.
    pub neighbour_code_share: f64,
    /// Share of onward lines under another heading. As above.
    pub other_heading_share: f64,
    /// Share of papers with six digits of the code. Assumption, as are all below.
    pub six_digit_share: f64,
    /// Share of orders without the buyer's number.
    pub order_identifier_missing_share: f64,
    /// Share of papers without the consignor's number.
    pub consignor_identifier_missing_share: f64,
    /// Share of papers without the consignee's number.
    pub consignee_identifier_missing_share: f64,
    /// Share of shown numbers that are mistyped or another firm's.
    pub identifier_wrong_share: f64,
    /// Share of papers without the consignor's address.
    pub address_missing_share: f64,
    /// Share of orders with no more than the buyer's city.
    pub address_city_only_share: f64,
    /// Share of orders with the buyer's telephone.
    pub phone_shown_share: f64,
    /// Share of papers that name the brand in its field.
    pub brand_shown_share: f64,
    /// Share of papers that name the part number in its field.
    pub part_number_shown_share: f64,
    /// Share of papers that name brand, and half of them the part number, in the description.
    pub brand_in_description_share: f64,
    /// Share of shown brands that are misspelt.
    pub brand_misspelt_share: f64,
    /// Share of shown part numbers with another packing suffix, punctuation or look-alike letters.
    pub part_number_varied_share: f64,
    /// Share of papers described as "other goods".
    pub vague_description_share: f64,
    /// Share of papers described in English.
    pub english_description_share: f64,
    /// Share of papers without net weight.
    pub weight_missing_share: f64,
    /// Greatest relative error of a net weight.
    pub weight_error: f64,
    /// Share of onward papers that show some of the known serial numbers.
    pub serial_shown_share: f64,
    /// Share of shown serial numbers written differently.
    pub serial_varied_share: f64,
    /// Share of onward papers that name the import declaration.
    pub source_declaration_share: f64,
    /// Share of papers with a GTIN.
    pub gtin_shown_share: f64,
    /// Share of papers with a lot number.
    pub lot_shown_share: f64,

    // -- how names are spelt ------------------------------------------------------------------------------------
    /// Share of mentions in capital letters.
    pub upper_case_share: f64,
    /// Share of mentions without legal form.
    pub form_missing_share: f64,
    /// Share of mentions with a translated, wrong or written-out legal form.
    pub form_varied_share: f64,
    /// Share of mentions with a typing error.
    pub typing_error_share: f64,
    /// Share of Latin mentions in another scheme than the firm's own.
    pub other_scheme_share: f64,
    /// Share of mentions with a translated word (Trade, Трейд, Сауда).
    pub translated_word_share: f64,
    /// Share of Cyrillic mentions with Kazakh letters replaced by Russian ones.
    pub russian_keyboard_share: f64,
    /// Share of mentions with letters of the other alphabet that look alike.
    pub look_alike_share: f64,
    /// Share of mentions cut off by a field limit.
    pub cut_off_share: f64,
    /// Share of mentions with the other alphabet's reading in brackets.
    pub bracket_reading_share: f64,
    /// Share of mentions with a city added.
    pub city_added_share: f64,
    /// Share of mentions of a branch instead of the firm.
    pub branch_share: f64,
    /// Share of mentions with blanks or hyphens moved.
    pub blank_moved_share: f64,
    /// Share of firms that bear another firm's name.
    pub namesake_share: f64,
    /// Share of Kazakh firms that the register copy lacks.
    pub register_missing_share: f64,

    // -- honest trade -------------------------------------------------------------------------------------------
    /// Share of honest papers on Kazakh-made commodities to Russia.
    pub commodity_share: f64,
    /// Share of honest papers inside Kazakhstan.
    pub honest_transfer_share: f64,
    /// Share of honest papers on arrivals from other sellers.
    pub other_arrival_share: f64,
    /// Share of honest papers to other countries than Russia.
    pub other_country_share: f64,
    /// Share of honest onward papers sent by the exporter's own buyers.
    pub honest_by_buyer_share: f64,
    /// Share of honest onward papers sent by firms that also stand between.
    pub honest_by_middleman_share: f64,
    /// Share of honest onward papers on brands that the exporter sells too.
    pub honest_same_brand_share: f64,
    /// Share of honest onward papers of buyers on a kind of goods that the same buyer also orders.
    pub honest_like_order_share: f64,
    /// Share of honest onward papers with the quantity of one of the sender's own orders.
    pub honest_echo_share: f64,
}

/// Noise as in an ordinary feed; what the other profiles start from.
const SMALL: Parameters = Parameters {
    orders_per_buyer: 11.6,
    diverting_buyer_share: 0.24,
    diverted_order_share: 0.58,
    whole_lot_share: 0.05,
    diverted_fraction: Deciles([0.25, 0.42, 0.55, 0.61, 0.67, 0.72, 0.77, 0.81, 0.87, 0.93, 0.99]),
    new_firm_share_diverting: 0.6,
    new_firm_share_honest: 0.1,
    reorder_share: 0.05,
    order_further_line_share: 0.02,
    forwarder_consignee_share: 0.08,
    end_user_stated_share: 0.3,
    foreign_payer_share_diverting: 0.1,
    foreign_payer_share_honest: 0.02,
    order_value_eur: Deciles([
        900.0, 6_200.0, 11_500.0, 17_000.0, 24_800.0, 34_400.0, 50_600.0, 72_100.0, 108_600.0, 185_600.0, 620_000.0,
    ]),
    hop_weights: [0.78, 0.165, 0.055],
    part_weights: [0.5, 0.28, 0.15, 0.06, 0.01],
    merge_share: 0.6,
    shared_paper_share: 0.5,
    late_share: 0.03,
    false_transit_share: 0.13,
    transit_days: Deciles([3.0, 5.0, 8.0, 11.0, 13.0, 16.0, 18.0, 20.0, 23.0, 25.0, 28.0]),
    dwell_days: Deciles([2.0, 8.0, 11.0, 14.0, 16.0, 19.0, 22.0, 26.0, 31.0, 41.0, 75.0]),
    hop_days: Deciles([2.0, 4.0, 6.0, 7.0, 9.0, 11.0, 14.0, 17.0, 21.0, 27.0, 40.0]),
    false_transit_days: Deciles([10.0, 18.0, 23.0, 27.0, 31.0, 32.0, 35.0, 39.0, 44.0, 51.0, 70.0]),
    markup: Deciles([1.02, 1.09, 1.15, 1.19, 1.24, 1.28, 1.33, 1.37, 1.43, 1.49, 1.6]),
    arrival_seen_share: 0.85,
    unit_change_share: 0.11,
    thousand_unit_share: 0.0,
    neighbour_code_share: 0.06,
    other_heading_share: 0.005,
    six_digit_share: 0.12,
    order_identifier_missing_share: 0.44,
    consignor_identifier_missing_share: 0.42,
    consignee_identifier_missing_share: 0.29,
    identifier_wrong_share: 0.015,
    address_missing_share: 0.38,
    address_city_only_share: 0.35,
    phone_shown_share: 0.39,
    brand_shown_share: 0.42,
    part_number_shown_share: 0.35,
    brand_in_description_share: 0.5,
    brand_misspelt_share: 0.0,
    part_number_varied_share: 0.02,
    vague_description_share: 0.03,
    english_description_share: 0.2,
    weight_missing_share: 0.18,
    weight_error: 0.06,
    serial_shown_share: 0.8,
    serial_varied_share: 0.02,
    source_declaration_share: 0.14,
    gtin_shown_share: 0.04,
    lot_shown_share: 0.04,
    upper_case_share: 0.25,
    form_missing_share: 0.1,
    form_varied_share: 0.45,
    typing_error_share: 0.08,
    other_scheme_share: 0.15,
    translated_word_share: 0.05,
    russian_keyboard_share: 0.15,
    look_alike_share: 0.02,
    cut_off_share: 0.02,
    bracket_reading_share: 0.01,
    city_added_share: 0.01,
    branch_share: 0.01,
    blank_moved_share: 0.03,
    namesake_share: 0.012,
    register_missing_share: 0.15,
    commodity_share: 0.38,
    honest_transfer_share: 0.085,
    other_arrival_share: 0.02,
    other_country_share: 0.02,
    honest_by_buyer_share: 0.35,
    honest_by_middleman_share: 0.05,
    honest_same_brand_share: 0.16,
    honest_like_order_share: 0.05,
    honest_echo_share: 0.0,
};

impl Parameters {
    /// The rates of a profile.
    pub fn of(profile: Profile) -> Self {
        match profile {
            Profile::Small => SMALL,
            Profile::Harder | Profile::Unseen => Self::harder(),
            Profile::FewDiverters => Self {
                diverting_buyer_share: 0.05,
                whole_lot_share: 0.3,
                part_weights: [0.65, 0.15, 0.1, 0.06, 0.04],
                ..SMALL
            },
        }
    }

    /// These rates, each moved at random by up to a share of itself: worlds of one kind differ as much as feeds and
    /// exporters do. The same seed moves them the same way.
    #[must_use]
    pub fn varied(mut self, seed: u64) -> Self {
        let mut dice = Dice::of(seed, Purpose::Rates, 0);
        // How much honest trade looks like diverted goods differs most from exporter to exporter. Assumption.
        for rate in [
            &mut self.honest_by_buyer_share,
            &mut self.honest_by_middleman_share,
            &mut self.honest_like_order_share,
            &mut self.honest_same_brand_share,
            &mut self.honest_echo_share,
        ] {
            *rate *= dice.within(0.1, 1.1);
        }
        for rate in [
            &mut self.diverting_buyer_share,
            &mut self.diverted_order_share,
            &mut self.arrival_seen_share,
            &mut self.brand_shown_share,
            &mut self.part_number_shown_share,
            &mut self.brand_in_description_share,
            &mut self.serial_shown_share,
            &mut self.source_declaration_share,
            &mut self.reorder_share,
            &mut self.false_transit_share,
            &mut self.merge_share,
        ] {
            *rate = (*rate * dice.within(0.6, 1.4)).min(0.95);
        }
        // Noise is sooner more than is known of it.
        for rate in [
            &mut self.late_share,
            &mut self.unit_change_share,
            &mut self.thousand_unit_share,
            &mut self.neighbour_code_share,
            &mut self.other_heading_share,
            &mut self.order_identifier_missing_share,
            &mut self.consignor_identifier_missing_share,
            &mut self.consignee_identifier_missing_share,
            &mut self.identifier_wrong_share,
            &mut self.address_missing_share,
            &mut self.brand_misspelt_share,
            &mut self.part_number_varied_share,
            &mut self.vague_description_share,
            &mut self.weight_missing_share,
            &mut self.weight_error,
            &mut self.typing_error_share,
            &mut self.other_scheme_share,
            &mut self.namesake_share,
        ] {
            *rate = (*rate * dice.within(0.6, 1.8)).min(0.95);
        }
        let between = (self.hop_weights[1] + self.hop_weights[2]) * dice.within(0.8, 1.4);
        self.hop_weights = [1.0 - between, between * 0.75, between * 0.25];
        for days in [&mut self.dwell_days, &mut self.hop_days] {
            let times = dice.within(0.8, 1.6);
            days.0.iter_mut().for_each(|day| *day *= times);
        }
        let (steepness, less) = (dice.within(0.6, 1.4), dice.within(0.6, 1.0));
        self.markup.0.iter_mut().for_each(|ratio| *ratio = 1.0 + (*ratio - 1.0) * steepness);
        self.diverted_fraction.0.iter_mut().take(6).for_each(|share| *share *= less);
        self
    }

    fn harder() -> Self {
        Self {
            reorder_share: 0.25,
            order_further_line_share: 0.12,
            whole_lot_share: 0.15,
            hop_weights: [0.65, 0.25, 0.1],
            part_weights: [0.45, 0.25, 0.15, 0.1, 0.05],
            merge_share: 0.7,
            late_share: 0.08,
            false_transit_share: 0.2,
            arrival_seen_share: 0.7,
            unit_change_share: 0.16,
            thousand_unit_share: 0.1,
            neighbour_code_share: 0.15,
            other_heading_share: 0.05,
            six_digit_share: 0.2,
            order_identifier_missing_share: 0.55,
            consignor_identifier_missing_share: 0.5,
            consignee_identifier_missing_share: 0.4,
            identifier_wrong_share: 0.04,
            address_missing_share: 0.5,
            brand_shown_share: 0.35,
            part_number_shown_share: 0.25,
            brand_in_description_share: 0.4,
            brand_misspelt_share: 0.06,
            part_number_varied_share: 0.15,
            vague_description_share: 0.08,
            weight_missing_share: 0.3,
            weight_error: 0.1,
            serial_shown_share: 0.35,
            serial_varied_share: 0.2,
            source_declaration_share: 0.1,
            upper_case_share: 0.3,
            form_missing_share: 0.16,
            form_varied_share: 0.55,
            typing_error_share: 0.13,
            other_scheme_share: 0.3,
            translated_word_share: 0.15,
            russian_keyboard_share: 0.3,
            look_alike_share: 0.06,
            cut_off_share: 0.05,
            bracket_reading_share: 0.03,
            city_added_share: 0.04,
            branch_share: 0.03,
            blank_moved_share: 0.08,
            namesake_share: 0.03,
            register_missing_share: 0.25,
            other_arrival_share: 0.05,
            honest_by_buyer_share: 0.4,
            honest_by_middleman_share: 0.08,
            honest_same_brand_share: 0.22,
            honest_like_order_share: 0.25,
            honest_echo_share: 0.02,
            ..SMALL
        }
    }
}
