//! Roles and what each of them allows: one table, read from left to right.
//!
//! Come here when a role should allow more or less. A principal has the permissions of all its roles and no others.

use std::fmt;

/// What a principal is there for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    /// Sends records, and reads nothing back.
    Ingest,
    /// Screens, reads, works on alerts.
    Analyst,
    /// An analyst who may also decide what another proposed.
    Approver,
    /// Reads everything, the trail included, and changes nothing.
    Auditor,
    /// Runs the service: sees and sends everything, but decides on no alert.
    Admin,
}

/// What a call needs. Each call needs one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Permission {
    /// Sending records.
    Ingest,
    /// Reading order lines, shipment lines and company rows.
    ReadRecords,
    /// Screening orders, and running screening jobs.
    Screen,
    /// Reading findings.
    ReadFindings,
    /// Reading, watching and acknowledging alerts.
    ReadAlerts,
    /// Working on alerts: assigning, commenting, proposing, suppressing.
    ReviewAlerts,
    /// Deciding on alerts where two must agree.
    ApproveAlerts,
    /// Reading the audit trail, its proofs, and replaying findings.
    ReadAudit,
    /// Reading lists of goods, parties and corridors.
    ReadLists,
    /// Changing how a tenant's alerts are worked on, such as whether two must agree.
    ChangeSettings,
    /// Waiting for one's own records to be judged, and asking which services there are.
    Connect,
}

/// A set of permissions.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u16);

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] = [Self::Ingest, Self::Analyst, Self::Approver, Self::Auditor, Self::Admin];

    /// The word in the principals file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Analyst => "analyst",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// What the role allows.
    pub const fn allows(self) -> &'static [Permission] {
        use Permission::*;
        match self {
            Self::Ingest => &[Connect, Ingest],
            Self::Analyst => &[Connect, ReadRecords, Screen, ReadFindings, ReadAlerts, ReviewAlerts, ReadLists],
            Self::Approver => {
                &[Connect, ReadRecords, Screen, ReadFindings, ReadAlerts, ReviewAlerts, ApproveAlerts, ReadLists]
            }
            Self::Auditor => &[Connect, ReadRecords, ReadFindings, ReadAlerts, ReadAudit, ReadLists],
            Self::Admin => {
                &[Connect, Ingest, ReadRecords, Screen, ReadFindings, ReadAlerts, ReadAudit, ReadLists, ChangeSettings]
            }
        }
    }
}

impl Permission {
    /// All permissions.
    pub const ALL: [Self; 11] = [
        Self::Ingest,
        Self::ReadRecords,
        Self::Screen,
        Self::ReadFindings,
        Self::ReadAlerts,
        Self::ReviewAlerts,
        Self::ApproveAlerts,
        Self::ReadAudit,
        Self::ReadLists,
        Self::ChangeSettings,
        Self::Connect,
    ];

    /// The word in errors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::ReadRecords => "read_records",
            Self::Screen => "screen",
            Self::ReadFindings => "read_findings",
            Self::ReadAlerts => "read_alerts",
            Self::ReviewAlerts => "review_alerts",
            Self::ApproveAlerts => "approve_alerts",
            Self::ReadAudit => "read_audit",
            Self::ReadLists => "read_lists",
            Self::ChangeSettings => "change_settings",
            Self::Connect => "connect",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl Permissions {
    /// Everything, for a service that asks nobody who they are.
    pub const ALL: Self = Self(u16::MAX);

    /// What any of the roles allows.
    pub fn of_roles(roles: &[Role]) -> Self {
        let granted = roles.iter().flat_map(|role| role.allows());
        Self(granted.fold(0, |bits, permission| bits | permission.bit()))
    }

    /// Whether it is among them.
    pub const fn include(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let included = Permission::ALL.into_iter().filter(|permission| self.include(*permission));
        formatter.debug_set().entries(included.map(Permission::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Permission, Permissions, Role};

    #[test]
    fn roles_allow_what_their_words_say_and_no_more() {
        // Rows: permissions; columns: the roles in the order of `Role::ALL`.
        let table = [
            (Permission::Ingest, "yes no no no yes"),
            (Permission::ReadRecords, "no yes yes yes yes"),
            (Permission::Screen, "no yes yes no yes"),
            (Permission::ReadFindings, "no yes yes yes yes"),
            (Permission::ReadAlerts, "no yes yes yes yes"),
            (Permission::ReviewAlerts, "no yes yes no no"),
            (Permission::ApproveAlerts, "no no yes no no"),
            (Permission::ReadAudit, "no no no yes yes"),
            (Permission::ReadLists, "no yes yes yes yes"),
            (Permission::ChangeSettings, "no no no no yes"),
            (Permission::Connect, "yes yes yes yes yes"),
        ];
        assert_eq!(table.len(), Permission::ALL.len());
        for (permission, row) in table {
            let found = Role::ALL.map(|role| match Permissions::of_roles(&[role]).include(permission) {
                true => "yes",
                false => "no",
            });
            assert_eq!(found.join(" "), row, "{permission:?}");
        }
        assert!(Permission::ALL.iter().all(|permission| !Permissions::of_roles(&[]).include(*permission)));
        let both = Permissions::of_roles(&[Role::Ingest, Role::Auditor]);
        assert!(both.include(Permission::Ingest) && both.include(Permission::ReadAudit));
    }

    #[test]
    fn words_are_read_back() {
        assert!(Role::ALL.into_iter().all(|role| Role::parse(role.as_str()) == Some(role)));
        assert_eq!(Role::parse("root"), None);
    }
}
