//! Invented firms: who they are, made again from their place in the world alone.
//!
//! How a paper spells them is in `spelling`.

use super::alphabet::{Scheme, to_latin, to_russian_letters};
use super::dice::{Dice, Purpose};
use super::identifiers::{am_tin, kg_inn, kz_bin, kz_iin, ru_inn};
use super::place::{City, KZ_CITIES, OTHER_CITIES, RU_CITIES, STREETS};
use super::words::{Tail, Vocabulary};
use super::{Parameters, spelling};
use crate::model::{Company, Country, Day};

/// What a firm does in a block's stories.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    /// Buys from the exporter.
    Buyer {
        /// Sends some of it on.
        is_diverting: bool,
    },
    /// Stands between buyers and the border.
    Middleman,
    /// Other Kazakh trade.
    Trader,
    /// Receives in Russia.
    Russian,
    /// Receives elsewhere in the union.
    Neighbour,
}

/// Legal form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Kazakh limited partnership.
    Partnership,
    /// Share company, Kazakh or Russian.
    JointStock,
    /// Sole trader.
    SoleTrader,
    /// Russian limited company.
    RussianLimited,
    /// Kyrgyz limited company.
    KyrgyzLimited,
    /// Armenian limited company.
    ArmenianLimited,
}

/// One word of a name.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Word {
    /// In Cyrillic, Kazakh letters kept.
    Text(String),
    /// A common trade word.
    Tail(&'static Tail),
    /// A number.
    Number(u64),
}

/// A firm.
#[derive(Clone, Debug)]
pub(super) struct Firm {
    /// True identifier.
    pub(super) identifier: String,
    /// Where it is registered.
    pub(super) country: Country,
    /// Its form.
    pub(super) form: Form,
    /// Its name.
    pub(super) words: Vec<Word>,
    /// Between the words.
    pub(super) joiner: char,
    /// How it writes itself in Latin letters.
    pub(super) scheme: Scheme,
    /// When it was registered.
    pub(super) registered: Day,
    /// City.
    pub(super) city: City,
    /// Street in Russian.
    pub(super) street: &'static str,
    /// House number.
    pub(super) house: u64,
    /// Telephone.
    pub(super) phone: String,
    /// Director.
    pub(super) director: String,
    /// Owners.
    pub(super) owners: Vec<String>,
    /// Line of business.
    pub(super) activity_code: &'static str,
    /// What it does here.
    pub(super) role: Role,
    /// The register copy has it.
    pub(super) is_registered: bool,
}

/// What firms are made of, the same for a whole world.
pub(super) struct FirmMaker<'a> {
    /// The world's seed.
    pub(super) seed: u64,
    /// Rates.
    pub(super) parameters: &'a Parameters,
    /// Words.
    pub(super) vocabulary: &'static Vocabulary,
    /// Firms in the world; decides how identifiers are kept apart.
    pub(super) firm_count: u64,
}

/// 24 February 2022.
const WAR_BEGINS: i32 = 19_047;
/// 1 January 1996.
const EARLIEST: i32 = 9_496;
/// 1 January 2024.
const LATEST_FOUNDATION: i32 = 19_723;

impl FirmMaker<'_> {
    /// The firm at this place of the world.
    pub(super) fn make(&self, number: u64, role: Role) -> Firm {
        let mut dice = Dice::of(self.seed, Purpose::Firm, number);
        let country = match role {
            Role::Russian => Country::RU,
            Role::Neighbour => neighbour(number),
            _ => Country::KZ,
        };
        let form = form_of(country, role, &mut dice);
        let registered = self.registered(role, &mut dice);
        let cities = match role {
            Role::Russian => RU_CITIES,
            Role::Neighbour => OTHER_CITIES,
            _ => KZ_CITIES,
        };
        let director = self.person(&mut dice);
        let owners = self.owners(role, &director, &mut dice);
        let phone_digits = dice.below(10_000_000);
        Firm {
            identifier: self.identifier(number, country, form, registered, &mut dice),
            country,
            form,
            words: self.words(country, &mut dice),
            joiner: if dice.chance(0.08) { '-' } else { ' ' },
            scheme: if dice.chance(0.7) { Scheme::Plain } else { dice.pick(&Scheme::ALL) },
            registered,
            city: dice.pick(cities),
            street: dice.pick(STREETS),
            house: 1 + dice.below(240),
            phone: if country == Country::RU {
                format!("+79{:02}{phone_digits:07}", dice.below(100))
            } else {
                format!("+77{:02}{phone_digits:07}", dice.below(100))
            },
            director,
            owners,
            activity_code: dice.pick(&["46690", "46520", "46900", "45310", "49410", "62090", "28410", "46460"]),
            role,
            is_registered: role != Role::Russian && !dice.chance(self.parameters.register_missing_share)
                || role == Role::Russian && dice.chance(0.03),
        }
    }

    fn registered(&self, role: Role, dice: &mut Dice) -> Day {
        let new_share = match role {
            Role::Buyer { is_diverting: true } | Role::Middleman => self.parameters.new_firm_share_diverting,
            _ => self.parameters.new_firm_share_honest,
        };
        let (first, last) =
            if dice.chance(new_share) { (WAR_BEGINS, LATEST_FOUNDATION) } else { (EARLIEST, WAR_BEGINS) };
        Day::from_number(first).plus_days(dice.below((last - first) as u64) as i32)
    }

    fn identifier(&self, number: u64, country: Country, form: Form, registered: Day, dice: &mut Dice) -> String {
        let spread = |serials: u64| (number % serials, number / serials, self.firm_count / serials + 1);
        if country == Country::RU {
            let (serial, office, _) = spread(100_000);
            return ru_inn(office + 1_000 * dice.below(7), scatter(serial, 100_000));
        }
        match (form, country) {
            (Form::SoleTrader, _) => {
                let (serial, class, classes) = spread(10_000);
                kz_iin(dice.below(14_000), scatter(serial, 10_000), class, classes)
            }
            (Form::KyrgyzLimited, _) => kg_inn(registered, scatter(number, 100_000)),
            (Form::ArmenianLimited, _) => am_tin(number.wrapping_mul(7_919)),
            _ => {
                let (serial, class, classes) = spread(100_000);
                kz_bin(registered, scatter(serial, 100_000), class, classes)
            }
        }
    }

    fn words(&self, country: Country, dice: &mut Dice) -> Vec<Word> {
        let vocabulary = self.vocabulary;
        let mut words = Vec::with_capacity(3);
        let first = if dice.chance(0.22) {
            let stem = dice.pick(vocabulary.stems).to_lowercase();
            format!("{}{stem}", dice.pick(vocabulary.prefixes))
        } else {
            dice.pick(vocabulary.stems).to_owned()
        };
        words.push(Word::Text(first));
        // A bigger country has longer names: without that, large worlds would be nothing but namesakes.
        let crowd = self.firm_count;
        if dice.chance(if crowd > 20_000 { 0.8 } else { 0.4 }) {
            words.push(Word::Text(dice.pick(vocabulary.stems).to_owned()));
        }
        if dice.chance(0.8) {
            words.push(Word::Tail(&vocabulary.tails[dice.index(vocabulary.tails.len())]));
        }
        if dice.chance(if crowd > 100_000 { 0.35 } else { 0.06 }) {
            words.push(Word::Number(dice.below(if crowd > 100_000 { 9_999 } else { 1_999 }) + 1));
        }
        if country == Country::RU {
            for word in &mut words {
                if let Word::Text(text) = word {
                    *text = to_russian_letters(text);
                }
            }
        }
        words
    }

    fn person(&self, dice: &mut Dice) -> String {
        let initials = ["А", "Б", "Д", "Е", "К", "М", "Н", "С", "Т"];
        format!("{} {}.{}.", dice.pick(self.vocabulary.surnames), dice.pick(&initials), dice.pick(&initials))
    }

    fn owners(&self, role: Role, director: &str, dice: &mut Dice) -> Vec<String> {
        let mut owners = Vec::new();
        if dice.chance(0.5) {
            owners.push(director.to_owned());
        }
        let is_close_to_russia = matches!(role, Role::Buyer { is_diverting: true } | Role::Middleman);
        if dice.chance(if is_close_to_russia { 0.25 } else { 0.05 }) {
            owners.push(format!("{} (RU)", self.person(dice)));
        }
        if owners.is_empty() {
            owners.push(self.person(dice));
        }
        owners
    }
}

impl Firm {
    /// Its row in the register.
    pub(super) fn register_row(&self) -> Company {
        Company {
            identifier: self.identifier.clone(),
            country: Some(self.country),
            name: spelling::registered_name(self),
            name_latin: self.latin_name(self.scheme),
            registered: Some(self.registered),
            address: format!("г. {}, ул. {} {}", self.city.russian, self.street, self.house),
            phone: self.phone.clone(),
            director: self.director.clone(),
            owners: self.owners.clone(),
            activity_code: self.activity_code.to_owned(),
            status: if self.house.is_multiple_of(23) { "dormant" } else { "active" }.to_owned(),
        }
    }

    /// Its name without form in Latin letters.
    pub(super) fn latin_name(&self, scheme: Scheme) -> String {
        self.join(|word| match word {
            Word::Text(text) => to_latin(text, scheme),
            Word::Tail(tail) => tail.english.to_owned(),
            Word::Number(number) => number.to_string(),
        })
    }

    /// Its words, written by `write` and joined as the firm does.
    pub(super) fn join(&self, mut write: impl FnMut(&Word) -> String) -> String {
        let mut name = String::new();
        for word in &self.words {
            if !name.is_empty() {
                name.push(self.joiner);
            }
            name.push_str(&write(word));
        }
        name
    }

    /// The domain of its e-mail addresses.
    pub(super) fn email_domain(&self) -> String {
        let name: String = self.latin_name(Scheme::Plain).to_lowercase();
        let letters: String = name.chars().filter(char::is_ascii_alphanumeric).take(18).collect();
        format!("{letters}.example")
    }
}

fn neighbour(number: u64) -> Country {
    let letters = if number.is_multiple_of(2) { "KG" } else { "AM" };
    Country::parse(letters).unwrap_or(Country::KZ)
}

fn form_of(country: Country, role: Role, dice: &mut Dice) -> Form {
    match country.as_str() {
        "RU" if dice.chance(0.06) => Form::JointStock,
        "RU" => Form::RussianLimited,
        "KG" => Form::KyrgyzLimited,
        "AM" => Form::ArmenianLimited,
        _ => match dice.weighted(&[0.81, 0.06, if role == Role::Middleman { 0.05 } else { 0.13 }]) {
            0 => Form::Partnership,
            1 => Form::JointStock,
            _ => Form::SoleTrader,
        },
    }
}

/// Spreads consecutive numbers over all serials; 48,271 shares no factor with the powers of ten.
fn scatter(serial: u64, serials: u64) -> u64 {
    (serial % serials * 48_271 + 12_345) % serials
}
