//! What is held as a file, and taken up again: so that a later run goes on where this one ended.
//!
//! Come here when the holdings learn to hold something new: whatever cannot be told from other things that are held
//! must be a list here. A state that was taken up answers as the one that was kept, which a test holds. How lists lie in
//! a file is `blocks`.

mod blocks;
#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::goods::Brands;
use crate::model::{
    Address, Amount, Company, Corridor, Country, Day, GoodsForm, Identifier, MentionForm, NameForm, Probability,
    ShipmentRole,
};
use crate::resolve::{FirmRow, FirmsOf, Forms, Grounds, Table, Watchers};

use super::buyers::TenantCounts;
use super::holdings::{BuyerRecord, Carried, Entity, HeldOrder, HeldShipment, Holdings, Mention};
use super::policy::{ENGINE_VERSION, Policy};
use super::pool::{GoodsRow, OrderRow, PartyId, PartyRow, ShipmentRow};
use super::record::EchoOf;

pub use blocks::{BlockReader, BlockWriter, ItemsOf, KeptError};

/// The form of the lists below; another one is not read.
const FORM: u32 = 1;
/// Most items that room is made for before they are read, whatever a file says.
const ROOM_MAX: usize = 1 << 24;

/// How long the lists of records are: room for them is made at once, since making it again and again takes as long as
/// reading.
#[derive(Serialize, Deserialize)]
struct RecordCounts {
    texts: usize,
    parties: usize,
    goods: usize,
    orders: usize,
    shipments: usize,
}

/// How long the lists of firms are, likewise.
#[derive(Serialize, Deserialize)]
struct FirmCounts {
    names: usize,
    addresses: usize,
    mentions: usize,
    spelt: usize,
}

/// What is held once.
#[derive(Serialize, Deserialize)]
struct Singles {
    tenants: Vec<String>,
    counts: Vec<TenantCounts>,
    brand_names: Vec<String>,
    arrival_days: Option<(Day, Day)>,
    firms_rounded: Option<u32>,
}

/// A mention as a row: name and address by their numbers.
#[derive(Serialize, Deserialize)]
struct MentionRow {
    name: u32,
    address: u32,
    identifier: Option<Identifier>,
    country: Option<Country>,
    phone: Option<String>,
    email_domain: Option<String>,
    scope: u32,
    shares: Vec<(u32, Probability)>,
    followed_count: u8,
    carried: Vec<Carried>,
}

/// An order line: whose it is, its row, its goods where it names single pieces, its value, buyer and first look.
type KeptOrder = (u32, OrderRow, Option<GoodsForm>, Option<Amount>, u32, EchoOf, Option<u32>);
/// A shipment line: who sees it, its row, what it is, its goods where it names single pieces, its value and parties.
type KeptShipment =
    (Option<u32>, ShipmentRow, ShipmentRole, Option<GoodsForm>, Option<Amount>, Option<u32>, Option<u32>);

/// Stands for all that findings hang on besides records: program, form, policy with its tables, corridor.
fn rules(policy: &Policy, corridor: Corridor) -> [u8; 32] {
    // Weights and rates are written out by their `Debug`, in an order of their own.
    Sha256::digest(format!("{FORM} {ENGINE_VERSION} {policy:?} {corridor:?}")).into()
}

impl Holdings {
    /// Writes records and what was learnt of them, everything settled.
    pub fn keep_records(&self, out: &mut BlockWriter<impl Write>) -> io::Result<()> {
        out.one(&rules(&self.policy, self.corridor))?;
        out.one(&Singles {
            tenants: self.tenants.clone(),
            counts: self.counts.clone(),
            brand_names: self.brand_names.iter().cloned().collect(),
            arrival_days: self.arrival_days,
            firms_rounded: self.unsettled.firms_rounded,
        })?;
        let (texts, parties) = (self.pool.texts(), self.pool.parties());
        let goods: Vec<(&GoodsRow, &Arc<GoodsForm>)> = self.goods_forms.iter().collect();
        out.one(&RecordCounts {
            texts: texts.len(),
            parties: parties.len(),
            goods: goods.len(),
            orders: self.orders.len(),
            shipments: self.shipments.len(),
        })?;
        out.list(&texts, |text, items| items.add(text))?;
        out.list(&parties, |row, items| items.add(row))?;
        out.list(&goods, |goods, items| items.add(goods))?;
        out.list(&self.orders, |held, items| {
            let HeldOrder { tenant, row, goods, value_euro, buyer, echo, counted_for, record_step: _ } = held;
            let pieces = row.cargo.common_goods().is_none().then_some(goods);
            items.add(&(tenant, row, pieces, value_euro, buyer, echo, counted_for));
        })?;
        out.list(&self.shipments, |held, items| {
            let HeldShipment { visible_to, row, role, goods, value_euro, consignor, consignee } = held;
            let pieces = row.cargo.common_goods().is_none().then_some(goods);
            items.add(&(visible_to, row, role, pieces, value_euro, consignor, consignee));
        })?;
        let companies: Vec<&Company> = self.companies.values().collect();
        out.list(&companies, |company, items| items.add(company))?;
        out.list(&self.entities, |entity, items| items.add(entity))?;
        let records: Vec<(&(u32, u32), &BuyerRecord)> = self.records_by_buyer.iter().collect();
        out.list(&records, |record, items| items.add(record))
    }

    /// Writes mentions, the directory, and what the answers hang on.
    pub fn keep_firms(&self, out: &mut BlockWriter<impl Write>) -> io::Result<()> {
        let (mut names, mut addresses) = (Table::<NameForm>::default(), Table::<Address>::default());
        self.directory.fill(&mut names, &mut addresses);
        for Mention { form, .. } in &self.mentions {
            names.add(&form.name);
            addresses.add(&form.address);
        }
        let (name_texts, address_texts) = (self.names.texts(), self.addresses.texts());
        name_texts.iter().for_each(|(_, form)| names.add(form));
        address_texts.iter().for_each(|(_, form)| addresses.add(form));
        out.one(&FirmCounts {
            names: names.list().len(),
            addresses: addresses.list().len(),
            mentions: self.mentions.len(),
            spelt: self.mention_of_party.len(),
        })?;
        out.list(names.list(), |form, items| items.add(form))?;
        out.list(addresses.list(), |form, items| items.add(form))?;
        out.list(&name_texts, |(text, form), items| items.add(&(text, names.number(form))))?;
        out.list(&address_texts, |(text, form), items| items.add(&(text, addresses.number(form))))?;
        out.list(&self.mentions, |mention, items| items.add(&MentionRow::of(mention, &names, &addresses)))?;
        let spelt: Vec<(&(PartyId, u32), &u32)> = self.mention_of_party.iter().collect();
        out.list(&spelt, |spelt, items| items.add(spelt))?;
        out.one(self.directory.statistics())?;
        let kinds = self.directory.kinds();
        out.one(&kinds)?;
        for kind in kinds {
            let places: Vec<u32> = (0..self.directory.firm_count(kind)).collect();
            out.list(&places, |place, items| {
                items.add(&self.directory.firm_row(kind, *place, &names, &addresses));
            })?;
            out.list(&self.directory.seen(kind.scope), |print, items| items.add(print))?;
        }
        out.list(self.watchers.all_grounds(), |grounds, items| items.add(grounds))?;
        for list in self.watchers.lists() {
            out.list(&list, |mentions, items| items.add(mentions))?;
        }
        Ok(())
    }

    /// Takes up, side by side, what [`Holdings::keep_records`] and [`Holdings::keep_firms`] wrote under the same policy and
    /// corridor, to go on from there.
    pub fn taken_up(
        records: &mut BlockReader<impl Read + Send>,
        firms: &mut BlockReader<impl Read + Send>,
        policy: Policy,
        corridor: Corridor,
    ) -> Result<Self, KeptError> {
        if records.one::<[u8; 32]>()? != rules(&policy, corridor) {
            return Err(KeptError::OtherRules);
        }
        let [mut holdings, mut known] = [policy.clone(), policy].map(|policy| Self::expecting_more(policy, corridor));
        let (with_records, with_firms) =
            rayon::join(|| holdings.take_up_records(records), || known.take_up_firms(firms));
        with_records.and(with_firms)?;
        let Self { names, addresses, mentions, mention_ids, mention_of_party, directory, watchers, .. } = known;
        Ok(Self { names, addresses, mentions, mention_ids, mention_of_party, directory, watchers, ..holdings })
    }

    fn take_up_records(&mut self, input: &mut BlockReader<impl Read>) -> Result<(), KeptError> {
        let singles: Singles = input.one()?;
        (self.tenants, self.counts, self.arrival_days) = (singles.tenants, singles.counts, singles.arrival_days);
        self.brand_names = singles.brand_names.into_iter().collect();
        self.brands = Brands::new(self.brand_names.iter().map(String::as_str));
        self.unsettled.firms_rounded = singles.firms_rounded;
        let counts: RecordCounts = input.one()?;
        self.pool.reserve(counts.texts.min(ROOM_MAX), counts.parties.min(ROOM_MAX));
        self.goods_forms.reserve(counts.goods.min(ROOM_MAX));
        self.order_ids.reserve(counts.orders.min(ROOM_MAX));
        self.orders.reserve(counts.orders.min(ROOM_MAX));
        self.shipment_ids.reserve(counts.shipments.min(ROOM_MAX));
        self.shipments.reserve(counts.shipments.min(ROOM_MAX));
        input.each(|text: String| self.pool.restore_text(&text))?;
        input.each(|row: PartyRow| self.pool.restore_party(row))?;
        input.each(|(row, form): (GoodsRow, GoodsForm)| {
            self.goods_forms.insert(row, Arc::new(form));
        })?;
        input.each(|(tenant, row, pieces, value_euro, buyer, echo, counted_for): KeptOrder| {
            let goods = self.goods_taken_up(row.cargo.common_goods(), pieces);
            self.order_ids.insert((tenant, row.name), self.orders.len() as u32);
            let order = HeldOrder { tenant, row, goods, value_euro, buyer, echo, counted_for, record_step: None };
            self.orders.push(order);
        })?;
        input.each(|(visible_to, row, role, pieces, value_euro, consignor, consignee): KeptShipment| {
            let goods = self.goods_taken_up(row.cargo.common_goods(), pieces);
            self.shipment_ids.insert((visible_to, row.name), self.shipments.len() as u32);
            self.shipments.push(HeldShipment { visible_to, row, role, goods, value_euro, consignor, consignee });
        })?;
        input.each(|company: Company| {
            self.companies.insert(Self::company_key(&company), company);
        })?;
        input.each(|entity: Entity| {
            self.entity_ids.insert(entity.key.clone(), self.entities.len() as u32);
            self.entities.push(entity);
        })?;
        input.each(|(buyer, record): ((u32, u32), BuyerRecord)| {
            self.records_by_buyer.insert(buyer, record);
        })?;
        self.step_all();
        Ok(())
    }

    fn goods_taken_up(&self, common: Option<GoodsRow>, pieces: Option<GoodsForm>) -> Arc<GoodsForm> {
        let held = common.and_then(|row| self.goods_forms.get(&row)).map(Arc::clone);
        held.unwrap_or_else(|| Arc::new(pieces.unwrap_or_default()))
    }

    fn take_up_firms(&mut self, input: &mut BlockReader<impl Read>) -> Result<(), KeptError> {
        let counts: FirmCounts = input.one()?;
        let (mut names, mut addresses): (Vec<Arc<NameForm>>, Vec<Arc<Address>>) = (Vec::new(), Vec::new());
        names.reserve(counts.names.min(ROOM_MAX));
        addresses.reserve(counts.addresses.min(ROOM_MAX));
        self.mentions.reserve(counts.mentions.min(ROOM_MAX));
        self.mention_ids.reserve(counts.mentions.min(ROOM_MAX));
        self.mention_of_party.reserve(counts.spelt.min(ROOM_MAX));
        input.each(|form| names.push(Arc::new(form)))?;
        input.each(|form| addresses.push(Arc::new(form)))?;
        let forms = Forms { names: &names, addresses: &addresses };
        self.names.restore(input.list()?, &names);
        self.addresses.restore(input.list()?, &addresses);
        input.each(|row: MentionRow| {
            let mention = row.mention(&forms);
            self.mention_ids.insert((Arc::clone(&mention.form), mention.scope), self.mentions.len() as u32);
            self.mentions.push(mention);
        })?;
        input.each(|(spelt, mention): ((PartyId, u32), u32)| {
            self.mention_of_party.insert(spelt, mention);
        })?;
        self.directory.restore_statistics(input.one()?);
        for kind in input.one::<Vec<FirmsOf>>()? {
            input.each(|row: Option<FirmRow>| {
                row.into_iter().for_each(|row| self.directory.restore(kind, row, &forms));
            })?;
            self.directory.restore_seen(kind.scope, input.list()?.into_iter());
        }
        let grounds: Vec<Grounds> = input.list()?;
        self.watchers = Watchers::restored(grounds, input.list()?, input.list()?);
        Ok(())
    }
}

impl MentionRow {
    fn of(mention: &Mention, names: &Table<NameForm>, addresses: &Table<Address>) -> Self {
        let MentionForm { name, identifier, country, address, phone, email_domain } = &*mention.form;
        Self {
            name: names.number(name),
            address: addresses.number(address),
            identifier: identifier.clone(),
            country: *country,
            phone: phone.clone(),
            email_domain: email_domain.clone(),
            scope: mention.scope,
            shares: mention.shares.to_vec(),
            followed_count: mention.followed_count,
            carried: mention.carried.clone(),
        }
    }

    /// The mention of a row; a number that no table has, which a checksum keeps from happening, is an empty form.
    fn mention(self, forms: &Forms<'_>) -> Mention {
        let form = MentionForm {
            name: forms.names.get(self.name as usize).map(Arc::clone).unwrap_or_default(),
            identifier: self.identifier,
            country: self.country,
            address: forms.addresses.get(self.address as usize).map(Arc::clone).unwrap_or_default(),
            phone: self.phone,
            email_domain: self.email_domain,
        };
        Mention {
            form: Arc::new(form),
            scope: self.scope,
            shares: self.shares.into_boxed_slice(),
            followed_count: self.followed_count,
            carried: self.carried,
        }
    }
}
