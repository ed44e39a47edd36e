//! Units of quantity by UN/ECE Recommendation 20, as far as trade papers of the corridor use them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A unit that a paper may count goods in. `normalize::unit` reads the many spellings and numeric codes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Unit {
    /// Pieces (PCE; C62 and H87 mean the same; customs 796).
    Piece,
    /// Thousand pieces (MIL; customs 798).
    ThousandPieces,
    /// Pairs (NPR; customs 715).
    Pair,
    /// Sets (SET; customs 704 and 839).
    Set,
    /// Packs (NMP; customs 778).
    Pack,
    /// Kilograms (KGM; customs 166).
    Kilogram,
    /// Grams (GRM; customs 163).
    Gram,
    /// Tonnes (TNE; customs 168).
    Tonne,
    /// Metres (MTR; customs 006).
    Metre,
    /// Square metres (MTK; customs 055).
    SquareMetre,
    /// Cubic metres (MTQ; customs 113).
    CubicMetre,
    /// Litres (LTR; customs 112).
    Litre,
}

/// What a unit measures. Quantities compare only within one dimension; pieces and mass meet through net weight.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum UnitDimension {
    /// Countable things; the base is the piece.
    Count,
    /// Mass; the base is the kilogram.
    Mass,
    /// Length; the base is the metre.
    Length,
    /// Area; the base is the square metre.
    Area,
    /// Volume; the base is the litre.
    Volume,
    /// Things counted in a package of unstated size: comparable only with themselves.
    Package,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 12] = [
        Self::Piece,
        Self::ThousandPieces,
        Self::Pair,
        Self::Set,
        Self::Pack,
        Self::Kilogram,
        Self::Gram,
        Self::Tonne,
        Self::Metre,
        Self::SquareMetre,
        Self::CubicMetre,
        Self::Litre,
    ];

    /// The Recommendation 20 code that Onward writes.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Piece => "PCE",
            Self::ThousandPieces => "MIL",
            Self::Pair => "NPR",
            Self::Set => "SET",
            Self::Pack => "NMP",
            Self::Kilogram => "KGM",
            Self::Gram => "GRM",
            Self::Tonne => "TNE",
            Self::Metre => "MTR",
            Self::SquareMetre => "MTK",
            Self::CubicMetre => "MTQ",
            Self::Litre => "LTR",
        }
    }

    /// Dimension, and how many base units of that dimension one of this unit is, as numerator and denominator.
    pub const fn in_base(self) -> (UnitDimension, i64, i64) {
        match self {
            Self::Piece => (UnitDimension::Count, 1, 1),
            Self::ThousandPieces => (UnitDimension::Count, 1000, 1),
            Self::Pair => (UnitDimension::Count, 2, 1),
            Self::Set | Self::Pack => (UnitDimension::Package, 1, 1),
            Self::Kilogram => (UnitDimension::Mass, 1, 1),
            Self::Gram => (UnitDimension::Mass, 1, 1000),
            Self::Tonne => (UnitDimension::Mass, 1000, 1),
            Self::Metre => (UnitDimension::Length, 1, 1),
            Self::SquareMetre => (UnitDimension::Area, 1, 1),
            Self::CubicMetre => (UnitDimension::Volume, 1000, 1),
            Self::Litre => (UnitDimension::Volume, 1, 1),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}
