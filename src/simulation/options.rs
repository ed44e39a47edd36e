//! What a caller chooses of a world: seed, sizes and profile.
//!
//! The rates behind a profile are in `parameters`.

use std::fmt;
use std::str::FromStr;

use super::Parameters;

/// Which kind of world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Profile {
    /// Noise as in an ordinary feed. The default.
    #[default]
    Small,
    /// More noise of every kind and tougher honest trade.
    Harder,
    /// As `Harder`, with stems, brands, goods and wording that no other profile uses.
    Unseen,
    /// As `Small`, but only one buyer in twenty diverts, and then often whole lots at once.
    FewDiverters,
}

/// The text names no profile.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown profile {0:?}: one of small, harder, unseen, few-diverters")]
pub struct ProfileError(pub String);

/// A world to make. The same options give the same bytes on every machine.
#[derive(Clone, PartialEq, Debug)]
pub struct WorldOptions {
    /// Everything random follows from it.
    pub seed: u64,
    /// Order lines, exactly.
    pub order_count: u64,
    /// Shipment lines; more only when the orders' own papers need more.
    pub shipment_count: u64,
    /// Which kind of world.
    pub profile: Profile,
    /// The rates; those of the profile unless changed.
    pub parameters: Parameters,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 4] = [Self::Small, Self::Harder, Self::Unseen, Self::FewDiverters];

    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Harder => "harder",
            Self::Unseen => "unseen",
            Self::FewDiverters => "few-diverters",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let folded = text.trim().to_ascii_lowercase().replace('_', "-");
        Self::ALL.into_iter().find(|profile| profile.as_str() == folded).ok_or_else(|| ProfileError(text.to_owned()))
    }
}

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        Self::parse(text)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl WorldOptions {
    /// A world with the profile's own rates.
    pub fn new(seed: u64, order_count: u64, shipment_count: u64, profile: Profile) -> Self {
        Self { seed, order_count, shipment_count, profile, parameters: Parameters::of(profile) }
    }
}

impl Default for WorldOptions {
    /// Two thousand order lines and ten thousand shipment lines.
    fn default() -> Self {
        Self::new(1, 2_000, 10_000, Profile::Small)
    }
}

#[cfg(test)]
mod tests {
    use super::Profile;

    #[test]
    fn profiles_are_read_back_and_others_refused() {
        for profile in Profile::ALL {
            assert_eq!(Profile::parse(profile.as_str()), Ok(profile));
        }
        assert_eq!("Few_Diverters".parse(), Ok(Profile::FewDiverters));
        assert!(Profile::parse("tiny").is_err());
    }
}
