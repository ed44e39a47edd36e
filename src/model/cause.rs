//! Why an order line was judged again: what came in, or what is known otherwise than before.
//!
//! Come here for the kinds of causes and for how they are kept beside a finding. Who finds them out is `screening`; what
//! changed in the finding is `change`.

use serde::{Deserialize, Serialize};

use super::{Country, DocumentKey, Finding, OrderKey};

/// Most records that are named as causes of one judgement.
pub const CAUSE_RECORDS_MAX: usize = 4;

/// A kind of cause. The names are part of the file and wire contracts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum CauseKind {
    /// An order line came: this one, or another one of its case.
    OrderLine,
    /// A shipment line of its case came.
    ShipmentLine,
    /// A register row of a firm in its case came.
    Company,
    /// A name stands for other firms than before: they were merged, told apart, or became known.
    Identity,
    /// Arrivals are held for more days, so that one is due now, or is not any more.
    ArrivalDays,
    /// What the tenant's order lines of a buyer say together changed.
    BuyersRecord,
    /// What all the tenant's order lines say together changed: arrivals seen, papers alike.
    TenantsRecord,
    /// What is learnt from everything held changed: common words of names, brands.
    OtherHoldings,
    /// The service was started and judged everything anew: by another engine, policy, table of weights or list.
    Start,
}

impl CauseKind {
    /// The stable word in files and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OrderLine => "order_line",
            Self::ShipmentLine => "shipment_line",
            Self::Company => "company",
            Self::Identity => "identity",
            Self::ArrivalDays => "arrival_days",
            Self::BuyersRecord => "buyers_record",
            Self::TenantsRecord => "tenants_record",
            Self::OtherHoldings => "other_holdings",
            Self::Start => "start",
        }
    }
}

/// One cause as it is kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Cause {
    /// What kind.
    pub kind: CauseKind,
    /// Place in the log of the record that brought it about, where one did that the tenant may see.
    pub record: Option<u64>,
}

/// The causes of one judgement. Several stand together where records came shortly after one another.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Causes {
    /// What is known to bear on the finding the most comes first; empty when nothing was recorded.
    pub causes: Vec<Cause>,
    /// There were more records than [`CAUSE_RECORDS_MAX`].
    pub has_more: bool,
}

impl Causes {
    /// Adds a cause, unless its record or its kind stands there already or no more records are named.
    pub fn add(&mut self, cause: Cause) {
        let is_known = self.causes.iter().any(|known| match cause.record {
            Some(_) => known.record == cause.record,
            None => known.kind == cause.kind,
        });
        if is_known {
            return;
        }
        let record_count = self.causes.iter().filter(|known| known.record.is_some()).count();
        if cause.record.is_some() && record_count == CAUSE_RECORDS_MAX {
            self.has_more = true;
            return;
        }
        self.causes.push(cause);
    }
}

/// A finding on its way into the store, with why it was judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// What the engine concludes.
    pub finding: Finding,
    /// Why it was judged.
    pub causes: Causes,
}

impl From<Finding> for Judgement {
    /// Without a cause.
    fn from(finding: Finding) -> Self {
        Self { finding, causes: Causes::default() }
    }
}

/// Names a record for those who may see it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RecordName {
    /// An order line.
    Order(OrderKey),
    /// A shipment line.
    Shipment(DocumentKey),
    /// A register row: country and identifier as they came.
    Company(Option<Country>, String),
}

/// One cause as it is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedCause {
    /// What kind.
    pub kind: CauseKind,
    /// The record that brought it about, where one did that the tenant may see.
    pub record: Option<RecordName>,
}

#[cfg(test)]
mod tests {
    use super::{CAUSE_RECORDS_MAX, Cause, CauseKind, Causes};

    #[test]
    fn causes_are_named_once_and_records_are_few() {
        let mut causes = Causes::default();
        let cause = |kind, record| Cause { kind, record };
        for (kind, record) in [
            (CauseKind::Identity, Some(7)),
            (CauseKind::Company, Some(7)),
            (CauseKind::OtherHoldings, None),
            (CauseKind::OtherHoldings, None),
        ] {
            causes.add(cause(kind, record));
        }
        let expected = [cause(CauseKind::Identity, Some(7)), cause(CauseKind::OtherHoldings, None)];
        assert_eq!((causes.causes.as_slice(), causes.has_more), (&expected[..], false));
        for record in 10..20 {
            causes.add(cause(CauseKind::ShipmentLine, Some(record)));
        }
        assert_eq!((causes.causes.len(), causes.has_more), (CAUSE_RECORDS_MAX + 1, true));
        causes.add(cause(CauseKind::Start, None));
        assert_eq!(causes.causes.len(), CAUSE_RECORDS_MAX + 2, "a kind alone always has room");
    }
}
