//! Every weight of the room in one table, with where it comes from.
//!
//! Come here to change how much a reason counts. Unless marked otherwise a weight is an assumption: the base-two
//! logarithm of how much more often the observation is made on two papers of one firm than on papers of two firms,
//! set by judgement and checked on simulated worlds. What is compared is not decided here.

/// Changes whenever a weight does.
pub const WEIGHTS_VERSION: u32 = 4;

/// Share of mentions whose firm is neither in a register nor on any paper with its number.
pub(super) const UNKNOWN_SHARE: f64 = 0.10;
/// Firms added to those held, so that a small directory is not taken for the whole world.
pub(super) const POPULATION_MIN: f64 = 50.0;
/// Names added to those counted, with the frequencies of `data/translated_words.tsv`.
pub(super) const PRIOR_NAMES: f64 = 400.0;
/// Frequency of a word that is in no table.
pub(super) const RARE_WORD_FREQUENCY: f64 = 1.0 / 2000.0;
/// Bits that one number in a name is worth.
pub(super) const NUMBER_BITS: f64 = 7.0;

/// Before anything is compared by `match_names`: two names laid side by side are more often different firms.
pub(super) const PAIR_PRIOR_BITS: f64 = -5.0;

/// No comparison of two names is surer than this: of pairs whose names have nothing in common so many are one firm all
/// the same, and of pairs that agree in all so many are namesakes.
pub(super) const UNRECOGNISED_SHARE: f64 = 0.01;
pub(super) const NAMESAKE_SHARE: f64 = 0.01;

/// The same valid number on both papers.
pub(super) const IDENTIFIER_SAME: f64 = 24.0;
/// Two valid numbers of the same register that differ: about one paper in 250 bears a valid number of another firm
/// (assumption).
pub(super) const IDENTIFIER_DIFFERENT: f64 = -8.0;
/// Two valid numbers of the same register that are one typing error apart. The check digit of a BIN does not see the digit
/// before it, so this is a slip or the next firm that was registered: little against, and the name is heard (assumption).
pub(super) const IDENTIFIER_VALID_NEAR: f64 = -1.0;
/// Of the firms nobody knows yet so many bear the name of a firm that is known (assumption; registers of companies hold
/// many namesakes). So however rare its words, a name speaks no louder than that for a firm whose number differs.
pub(super) const KNOWN_NAME_SHARE: f64 = 0.25;
/// An invalid number that is one typing error away from the other.
pub(super) const IDENTIFIER_NEAR: f64 = 9.0;
/// An invalid number that is nothing like the other.
pub(super) const IDENTIFIER_INVALID_DIFFERENT: f64 = -1.0;

/// The same generic legal form.
pub(super) const LEGAL_FORM_SAME: f64 = 0.6;
/// Limited liability against share company or sole trader.
pub(super) const LEGAL_FORM_DIFFERENT: f64 = -4.0;
/// Where legal forms or branch and company differ, name and form together are at most this for `match_names`.
pub(super) const LEGAL_FORM_DIFFERENT_CAP: f64 = 3.0;
/// One is a branch and the other is not.
pub(super) const BRANCH_DIFFERENT: f64 = -3.0;
/// The countries differ.
pub(super) const COUNTRY_DIFFERENT: f64 = -14.0;

/// City, street and house agree.
pub(super) const ADDRESS_SAME: f64 = 9.0;
/// City and street agree, no house on one of them.
pub(super) const ADDRESS_STREET: f64 = 5.0;
/// The city agrees and nothing more is said.
pub(super) const ADDRESS_CITY: f64 = 2.5;
/// The city agrees, street or house differ.
pub(super) const ADDRESS_OTHER_HOUSE: f64 = -3.0;
/// The cities differ.
pub(super) const ADDRESS_OTHER_CITY: f64 = -5.0;

/// The same telephone.
pub(super) const PHONE_SAME: f64 = 9.0;
/// Two telephones that differ.
pub(super) const PHONE_DIFFERENT: f64 = -2.0;
/// The same e-mail domain.
pub(super) const EMAIL_DOMAIN_SAME: f64 = 7.0;

/// The same words in the same order say at least this, be they ever so common.
pub(super) const NAME_IDENTICAL_MIN: f64 = 6.0;
/// A spelling error costs this much, plus as much again for every full edit.
pub(super) const SPELLING_BASE: f64 = -1.0;
pub(super) const SPELLING_PER_EDIT: f64 = -3.0;
/// Two words that other firms carry too are rather two words than one with an error.
pub(super) const SPELLING_BOTH_ATTESTED: f64 = -9.0;
/// The words are the same and stand in another order.
pub(super) const WORD_ORDER: f64 = -1.0;
/// Words joined or split otherwise.
pub(super) const WORDS_JOINED: f64 = -0.5;
/// The last word is cut off where the name may be cut by a field limit, and where nothing says so.
pub(super) const CUT_EXPECTED: f64 = -1.0;
pub(super) const CUT_UNEXPECTED: f64 = -4.0;
/// One name has a word that the other lacks: a rare one, a trade's one, a generic one (Company, Group).
pub(super) const WORD_MISSING_RARE: f64 = -13.0;
pub(super) const WORD_MISSING_COMMON: f64 = -8.0;
pub(super) const WORD_MISSING_GENERIC: f64 = -2.5;
/// A town on one side only: papers add it to names.
pub(super) const WORD_MISSING_PLACE: f64 = -4.0;
/// Words that firms share come together, so all of them in a name count at most this, and against as much at most
/// where one name lacks them.
pub(super) const COMMON_WORDS_CAP: f64 = 12.0;
/// A word is made of the first letters of words of the other name: this much for each letter, and at most as a rare word.
pub(super) const ACRONYM_PER_LETTER: f64 = 2.75;
/// From here on a rare word agrees, learnt or not.
pub(super) const RARE_WORD_AGREES: f64 = 6.0;
/// Counted likewise: the only rare words that agree differ by a letter that makes another word: bits of the whole name are at most this.
pub(super) const DOUBTFUL_CAP: f64 = 0.0;
/// Counted on simulated worlds by `name_counts`, to within half a bit: rare words on both sides, on one side, or common words on both sides that do not agree: bits of the whole name are at
/// most this.
pub(super) const BOTH_RARE_CAP: f64 = -7.0;
pub(super) const ONE_RARE_CAP: f64 = -4.5;
pub(super) const BOTH_COMMON_CAP: f64 = -9.5;
/// A country on one side only names another house of the group: bits of the whole name are at most this.
pub(super) const COUNTRY_MISSING_CAP: f64 = 3.0;
/// An initial agrees with an initial or with the name that it begins; one side has one more; both have others
/// (counted likewise).
pub(super) const INITIAL_SAME: f64 = 3.0;
pub(super) const INITIAL_MISSING: f64 = -0.5;
pub(super) const INITIALS_DIFFERENT_CAP: f64 = -1.0;
/// A father's name on one side only.
pub(super) const PATRONYMIC_MISSING: f64 = -1.0;
/// A number on one side only, or two different numbers: bits of the whole name are at most this.
pub(super) const NUMBER_MISSING_CAP: f64 = -2.0;
pub(super) const NUMBER_DIFFERENT_CAP: f64 = -8.0;
/// No name says more against than this, and less where the numbers of the firms agree.
pub(super) const NAME_FLOOR: f64 = -25.0;
pub(super) const NAME_FLOOR_WITH_IDENTIFIER: f64 = -12.0;
/// The name in brackets was compared instead of the name.
pub(super) const ALIAS_USED: f64 = -1.0;

/// A company in the register is this much more likely to be meant than one seen on a paper once.
pub(super) const REGISTERED_BITS: f64 = 1.5;
/// Every doubling of the papers that name the firm's number, up to a limit.
pub(super) const SUPPORT_PER_DOUBLING: f64 = 1.0;
pub(super) const SUPPORT_DOUBLINGS_MAX: u32 = 6;
/// A spelling seen on few of the firm's papers may be another firm's under a wrong number: per halving, and at most.
pub(super) const MINOR_NAME_PER_HALVING: f64 = -0.5;
pub(super) const MINOR_NAME_MAX: f64 = -3.0;
/// The share of a candidate never exceeds this.
pub(super) const SHARE_MAX: f64 = 0.995;
/// What is this much less likely than the likeliest is left out of account altogether: a share of it is below the
/// millionths in which shares are told, and whatever changes of it then changes no answer.
pub(super) const NEGLIGIBLE_BITS: f64 = 30.0;
/// Candidates below this share are not reported.
pub(super) const SHARE_MIN: f64 = 0.002;
/// Of the share of firms known by name only, at least this goes to the firm of that name.
pub(super) const NAME_ONLY_SHARE_MIN: f64 = 0.6;
/// Bits above chance from which two names without numbers are taken for one.
pub(super) const NAME_ONLY_SIMILAR_BITS: f64 = 3.0;
