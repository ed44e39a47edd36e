//! A Merkle tree that only grows, as RFC 6962 and RFC 9162 (section 2.1 of each) define it: its root at any size, the
//! proof that a leaf is in it, the proof that one tree begins another, and how both are checked.
//!
//! Come here for what is hashed with what. Subtrees that are complete never change: whoever keeps the tree keeps those,
//! and everything here asks for them by their place. Whose entries are the leaves is `proof` and the store.

use std::iter;

use sha2::{Digest, Sha256};

use super::AuditHash;

/// How many leaves a tree has, and the hash that stands for all of them. Keep both: a root alone does not say how many
/// there were.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TreeHead {
    /// Leaves.
    pub size: u64,
    /// Root hash; SHA-256 of nothing for a tree without leaves.
    pub root: AuditHash,
}

/// The place of a subtree that has all its leaves: 2^`level` of them, the `index`-th of that width from the left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Subtree {
    /// 0 for a leaf.
    pub level: u8,
    /// From 0.
    pub index: u64,
}

/// What is needed of a tree to go on with it: the complete subtrees that it is made of, the largest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frontier {
    size: u64,
    subtrees: Vec<AuditHash>,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProofFault {
    /// The entry is not what its hash stands for.
    #[error("audit entry {sequence} does not have its hash")]
    Entry {
        /// The entry.
        sequence: u64,
    },
    /// There is no such leaf, or no such older tree.
    #[error("a tree of {size} entries holds no {place}")]
    Place {
        /// Leaf from 0, or the size of the older tree.
        place: u64,
        /// Leaves of the tree.
        size: u64,
    },
    /// More or fewer hashes than the way to the root has.
    #[error("the proof has too many or too few hashes")]
    Length,
    /// The hashes lead to another root.
    #[error("the proof does not lead to the root")]
    Root,
    /// The hashes lead to another root of then.
    #[error("the proof does not lead to the root of then")]
    OldRoot,
}

/// The hash of a leaf with this content.
pub fn leaf_hash(content: &[u8]) -> AuditHash {
    Sha256::new().chain_update([0]).chain_update(content).finalize().into()
}

/// The hash of a node over two others.
fn inner_hash(left: &AuditHash, right: &AuditHash) -> AuditHash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The largest power of two below a width of at least 2: how many leaves are on the left.
fn left_width(width: u64) -> u64 {
    1 << (63 - (width - 1).leading_zeros())
}

impl Default for TreeHead {
    /// A tree without leaves.
    fn default() -> Self {
        Self { size: 0, root: Sha256::digest([]).into() }
    }
}

impl Frontier {
    /// The end of a tree of this size, whose complete subtrees can be read.
    pub fn read<E>(size: u64, node: impl FnMut(Subtree) -> Result<AuditHash, E>) -> Result<Self, E> {
        let levels = (0..64_u8).rev().filter(|level| size >> level & 1 == 1);
        let places = levels.map(|level| Subtree { level, index: (size >> level) - 1 });
        Ok(Self { size, subtrees: places.map(node).collect::<Result<_, _>>()? })
    }

    /// Adds a leaf by its hash, and hands on every node that is complete by it, the lowest first. After a failure of
    /// `keep` the frontier is of no use any more.
    pub fn push<E>(
        &mut self,
        leaf: AuditHash,
        mut keep: impl FnMut(Subtree, &AuditHash) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut place, mut hash) = (Subtree { level: 0, index: self.size }, leaf);
        while place.index % 2 == 1 {
            let Some(left) = self.subtrees.pop() else { break };
            place = Subtree { level: place.level + 1, index: place.index / 2 };
            hash = inner_hash(&left, &hash);
            keep(place, &hash)?;
        }
        self.subtrees.push(hash);
        self.size += 1;
        Ok(())
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The tree up to here.
    pub fn head(&self) -> TreeHead {
        let root = self.subtrees.iter().rev().copied().reduce(|right, left| inner_hash(&left, &right));
        TreeHead { size: self.size, root: root.unwrap_or(TreeHead::default().root) }
    }
}

/// The hash over the leaves from `begin` to before `end`, which are one side of a node.
fn hash_of<E>(begin: u64, end: u64, node: &mut impl FnMut(Subtree) -> Result<AuditHash, E>) -> Result<AuditHash, E> {
    let width = end - begin;
    if width.is_power_of_two() {
        let level = width.trailing_zeros() as u8;
        return node(Subtree { level, index: begin >> level });
    }
    let middle = begin + left_width(width);
    // The left side is complete, so that this goes down 64 steps at most.
    Ok(inner_hash(&hash_of(begin, middle, node)?, &hash_of(middle, end, node)?))
}

/// The hashes that lead from a leaf to the root of the tree of this size, the leaf's neighbour first; nothing where the
/// tree has no such leaf.
pub fn inclusion_proof<E>(
    leaf: u64,
    size: u64,
    mut node: impl FnMut(Subtree) -> Result<AuditHash, E>,
) -> Result<Option<Vec<AuditHash>>, E> {
    if leaf >= size {
        return Ok(None);
    }
    let (mut begin, mut end) = (0, size);
    let mut hashes = Vec::new();
    while end - begin > 1 {
        let middle = begin + left_width(end - begin);
        if leaf < middle {
            hashes.push(hash_of(middle, end, &mut node)?);
            end = middle;
        } else {
            hashes.push(hash_of(begin, middle, &mut node)?);
            begin = middle;
        }
    }
    hashes.reverse();
    Ok(Some(hashes))
}

/// The hashes that lead from the tree of the older size to both roots; nothing where that one has no leaf, or more than
/// the other.
pub fn consistency_proof<E>(
    old_size: u64,
    size: u64,
    mut node: impl FnMut(Subtree) -> Result<AuditHash, E>,
) -> Result<Option<Vec<AuditHash>>, E> {
    if old_size == 0 || old_size > size {
        return Ok(None);
    }
    let (mut begin, mut end) = (0, size);
    let mut hashes = Vec::new();
    while end > old_size {
        let middle = begin + left_width(end - begin);
        if old_size <= middle {
            hashes.push(hash_of(middle, end, &mut node)?);
            end = middle;
        } else {
            hashes.push(hash_of(begin, middle, &mut node)?);
            begin = middle;
        }
    }
    // At the left edge it is the older root itself, which whoever checks has.
    if begin > 0 {
        hashes.push(hash_of(begin, end, &mut node)?);
    }
    hashes.reverse();
    Ok(Some(hashes))
}

/// The way from a leaf or an older tree to the root: at each step, whether the hash that comes is on the left.
fn sides(place: u64, size: u64) -> impl Iterator<Item = bool> {
    let (mut place, mut last) = (place, size - 1);
    iter::from_fn(move || {
        if last == 0 {
            return None;
        }
        // A last node without a right neighbour goes up as it is, until it is one itself.
        while place == last && place % 2 == 0 {
            (place, last) = (place / 2, last / 2);
        }
        let is_left = place % 2 == 1;
        (place, last) = (place / 2, last / 2);
        Some(is_left)
    })
}

/// Whether the hashes lead from the leaf with this hash to the root.
pub fn verify_inclusion(leaf: u64, hash: AuditHash, tree: &TreeHead, hashes: &[AuditHash]) -> Result<(), ProofFault> {
    if leaf >= tree.size {
        return Err(ProofFault::Place { place: leaf, size: tree.size });
    }
    let (mut root, mut hashes) = (hash, hashes.iter());
    for is_left in sides(leaf, tree.size) {
        let next = hashes.next().ok_or(ProofFault::Length)?;
        root = if is_left { inner_hash(next, &root) } else { inner_hash(&root, next) };
    }
    if hashes.next().is_some() {
        return Err(ProofFault::Length);
    }
    if root == tree.root { Ok(()) } else { Err(ProofFault::Root) }
}

/// Whether the older tree is the beginning of the other: nothing in it was changed, taken out or put in since.
pub fn verify_consistency(old: &TreeHead, tree: &TreeHead, hashes: &[AuditHash]) -> Result<(), ProofFault> {
    if old.size == 0 || old.size > tree.size {
        return Err(ProofFault::Place { place: old.size, size: tree.size });
    }
    if old.size == tree.size {
        let is_same = if old.root == tree.root { Ok(()) } else { Err(ProofFault::OldRoot) };
        return if hashes.is_empty() { is_same } else { Err(ProofFault::Length) };
    }
    // The last complete subtree of the older tree is where both ways begin.
    let level = old.size.trailing_zeros();
    let (place, width) = ((old.size >> level) - 1, ((tree.size - 1) >> level) + 1);
    let mut hashes = hashes.iter();
    let first = if place == 0 { old.root } else { *hashes.next().ok_or(ProofFault::Length)? };
    let (mut old_root, mut root) = (first, first);
    for is_left in sides(place, width) {
        let next = hashes.next().ok_or(ProofFault::Length)?;
        if is_left {
            old_root = inner_hash(next, &old_root);
            root = inner_hash(next, &root);
        } else {
            root = inner_hash(&root, next);
        }
    }
    if hashes.next().is_some() {
        return Err(ProofFault::Length);
    }
    match (old_root == old.root, root == tree.root) {
        (true, true) => Ok(()),
        (false, _) => Err(ProofFault::OldRoot),
        (true, false) => Err(ProofFault::Root),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use sha2::{Digest, Sha256};

    use super::{
        Frontier, ProofFault, Subtree, TreeHead, consistency_proof, inclusion_proof, leaf_hash, sides,
        verify_consistency, verify_inclusion,
    };
    use crate::audit::AuditHash;

    const SIZE_MAX: u64 = 260;

    /// The definition of the RFCs, word for word, and slow.
    struct Naive {
        leaves: Vec<AuditHash>,
        known: BTreeMap<(usize, usize), AuditHash>,
    }

    impl Naive {
        fn split(width: usize) -> usize {
            let mut left = 1;
            while left * 2 < width {
                left *= 2;
            }
            left
        }

        /// MTH(D[begin:end]).
        fn root(&mut self, begin: usize, end: usize) -> AuditHash {
            if end == begin {
                return Sha256::digest([]).into();
            }
            if end - begin == 1 {
                return self.leaves[begin];
            }
            if let Some(known) = self.known.get(&(begin, end)) {
                return *known;
            }
            let middle = begin + Self::split(end - begin);
            let (left, right) = (self.root(begin, middle), self.root(middle, end));
            let root = Sha256::digest([&[1][..], &left, &right].concat()).into();
            self.known.insert((begin, end), root);
            root
        }

        /// PATH(m, D[begin:end]); `place` counts from `begin`.
        fn path(&mut self, place: usize, begin: usize, end: usize) -> Vec<AuditHash> {
            if end - begin == 1 {
                return Vec::new();
            }
            let left = Self::split(end - begin);
            let (mut path, other) = if place < left {
                (self.path(place, begin, begin + left), self.root(begin + left, end))
            } else {
                (self.path(place - left, begin + left, end), self.root(begin, begin + left))
            };
            path.push(other);
            path
        }

        /// SUBPROOF(m, D[begin:end], b).
        fn subproof(&mut self, old: usize, begin: usize, end: usize, is_whole: bool) -> Vec<AuditHash> {
            if old == end - begin {
                return if is_whole { Vec::new() } else { vec![self.root(begin, end)] };
            }
            let left = Self::split(end - begin);
            let (mut proof, other) = if old <= left {
                (self.subproof(old, begin, begin + left, is_whole), self.root(begin + left, end))
            } else {
                (self.subproof(old - left, begin + left, end, false), self.root(begin, begin + left))
            };
            proof.push(other);
            proof
        }
    }

    /// A tree as it is kept: leaves, complete inner nodes, and its head at every size.
    struct Kept {
        nodes: BTreeMap<Subtree, AuditHash>,
        heads: Vec<TreeHead>,
    }

    impl Kept {
        fn of(leaves: &[AuditHash]) -> Self {
            let mut frontier = Frontier::default();
            let mut kept = Self { nodes: BTreeMap::new(), heads: vec![frontier.head()] };
            for (index, leaf) in (0..).zip(leaves) {
                kept.nodes.insert(Subtree { level: 0, index }, *leaf);
                let keep = |place, hash: &AuditHash| {
                    assert!(kept.nodes.insert(place, *hash).is_none(), "{place:?} is complete for the second time");
                    Ok::<_, Infallible>(())
                };
                frontier.push(*leaf, keep).unwrap();
                let again = Frontier::read(index + 1, |place| Ok::<_, Infallible>(kept.nodes[&place])).unwrap();
                assert_eq!(again, frontier);
                kept.heads.push(frontier.head());
            }
            kept
        }

        fn inclusion(&self, leaf: u64, size: u64) -> Vec<AuditHash> {
            inclusion_proof(leaf, size, |place| Ok::<_, Infallible>(self.nodes[&place])).unwrap().unwrap()
        }

        fn consistency(&self, old: u64, size: u64) -> Vec<AuditHash> {
            consistency_proof(old, size, |place| Ok::<_, Infallible>(self.nodes[&place])).unwrap().unwrap()
        }

        fn head(&self, size: u64) -> &TreeHead {
            &self.heads[size as usize]
        }
    }

    fn numbered(count: u64) -> Vec<AuditHash> {
        (0..count).map(|number| leaf_hash(&number.to_le_bytes())).collect()
    }

    fn hash(hex: &str) -> AuditHash {
        let byte = |place: usize| u8::from_str_radix(&hex[place..place + 2], 16).unwrap();
        (0..64).step_by(2).map(byte).collect::<Vec<_>>().try_into().unwrap()
    }

    /// The test vectors that come with the programs of Certificate Transparency: leaves and roots as in
    /// `testonly/constants.go` of transparency-dev/merkle, proofs as in its tests of the verifier.
    #[test]
    fn the_published_vectors_come_out() {
        let contents: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let leaves = contents.map(leaf_hash);
        let kept = Kept::of(&leaves);
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (size, root) in (0..).zip(roots) {
            assert_eq!(*kept.head(size), TreeHead { size, root: hash(root) });
        }
        let of_first = [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ];
        assert_eq!(kept.inclusion(0, 8), of_first.map(hash));
        let of_sixth = [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(kept.inclusion(5, 8), of_sixth.map(hash));
        assert_eq!(kept.consistency(2, 8), [of_first[1], of_first[2]].map(hash));
        let from_sixth = ["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", of_sixth[1], of_sixth[2]];
        assert_eq!(kept.consistency(6, 8), from_sixth.map(hash));
    }

    /// The example of RFC 6962, section 2.1.3 (RFC 9162, section 2.1.5), by the names of its figures.
    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let kept = Kept::of(&numbered(7));
        let at = |level, index| kept.nodes[&Subtree { level, index }];
        let [a, b, c, d, f, j] = [at(0, 0), at(0, 1), at(0, 2), at(0, 3), at(0, 5), at(0, 6)];
        let [g, h, i, k] = [at(1, 0), at(1, 1), at(1, 2), at(2, 0)];
        let l = kept.inclusion(0, 7)[2];
        assert_eq!(kept.inclusion(0, 7), [b, h, l]);
        assert_eq!(kept.inclusion(3, 7), [c, g, l]);
        assert_eq!(kept.inclusion(4, 7), [f, j, k]);
        assert_eq!(kept.inclusion(6, 7), [i, k]);
        assert_eq!(kept.consistency(3, 7), [c, d, g, l]);
        assert_eq!(kept.consistency(4, 7), [l]);
        assert_eq!(kept.consistency(6, 7), [i, j, k]);
        assert_eq!(kept.inclusion(1, 7)[0], a);
    }

    #[test]
    fn every_proof_is_the_one_of_the_definition_and_holds() {
        let leaves = numbered(SIZE_MAX);
        let kept = Kept::of(&leaves);
        let mut naive = Naive { leaves: leaves.clone(), known: BTreeMap::new() };
        for size in 0..=SIZE_MAX {
            let tree = kept.head(size);
            assert_eq!(tree.root, naive.root(0, size as usize), "{size}");
            for leaf in 0..size {
                let proof = kept.inclusion(leaf, size);
                assert_eq!(proof, naive.path(leaf as usize, 0, size as usize), "{leaf} of {size}");
                assert_eq!(verify_inclusion(leaf, leaves[leaf as usize], tree, &proof), Ok(()), "{leaf} of {size}");
            }
            for old in 1..=size {
                let proof = kept.consistency(old, size);
                assert_eq!(proof, naive.subproof(old as usize, 0, size as usize, true), "{old} to {size}");
                assert_eq!(verify_consistency(kept.head(old), tree, &proof), Ok(()), "{old} to {size}");
            }
        }
        // Inner nodes that are kept: fewer than leaves.
        assert_eq!(kept.nodes.keys().filter(|place| place.level > 0).count() as u64, SIZE_MAX - 2);
    }

    #[test]
    fn what_is_in_no_tree_has_no_proof() {
        let kept = Kept::of(&numbered(9));
        let node = |place| Ok::<_, Infallible>(kept.nodes[&place]);
        for (leaf, size) in [(0, 0), (9, 9), (u64::MAX, 9), (u64::MAX, u64::MAX)] {
            assert_eq!(inclusion_proof(leaf, size, node).unwrap(), None, "{leaf} of {size}");
            let tree = TreeHead { size, root: kept.head(9).root };
            let fault = ProofFault::Place { place: leaf, size };
            assert_eq!(verify_inclusion(leaf, leaf_hash(b""), &tree, &[]), Err(fault));
        }
        for (old, size) in [(0, 0), (0, 9), (10, 9), (u64::MAX, 9)] {
            assert_eq!(consistency_proof(old, size, node).unwrap(), None, "{old} to {size}");
            let (old, tree) = (TreeHead { size: old, ..TreeHead::default() }, TreeHead { size, ..TreeHead::default() });
            let fault = ProofFault::Place { place: old.size, size };
            assert_eq!(verify_consistency(&old, &tree, &[]), Err(fault));
        }
    }

    /// A proof with something wrong in it: every bit of every hash, a hash too many, too few, or in another place.
    fn spoilt(proof: &[AuditHash]) -> Vec<Vec<AuditHash>> {
        let mut all = Vec::new();
        for place in 0..proof.len() {
            for bit in 0..256 {
                let mut other = proof.to_vec();
                other[place][bit / 8] ^= 1 << (bit % 8);
                all.push(other);
            }
            let mut short = proof.to_vec();
            short.remove(place);
            all.push(short);
            if place > 0 {
                let mut swapped = proof.to_vec();
                swapped.swap(place - 1, place);
                all.push(swapped);
            }
        }
        for place in 0..=proof.len() {
            let mut long = proof.to_vec();
            long.insert(place, [7; 32]);
            all.push(long);
            let mut doubled = proof.to_vec();
            doubled.insert(place, proof.get(place).copied().unwrap_or_default());
            all.push(doubled);
        }
        all
    }

    fn with_bit_flipped(tree: &TreeHead, bit: usize) -> TreeHead {
        let mut other = *tree;
        other.root[bit / 8] ^= 1 << (bit % 8);
        other
    }

    #[test]
    fn a_spoilt_proof_of_an_entry_is_refused() {
        let leaves = numbered(140);
        let kept = Kept::of(&leaves);
        let pairs = (1..=9).flat_map(|size| (0..size).map(move |leaf| (leaf, size)));
        for (leaf, size) in pairs.chain([(0, 140), (77, 140), (127, 140), (128, 140), (139, 140), (63, 64)]) {
            let (tree, proof, own) = (kept.head(size), kept.inclusion(leaf, size), leaves[leaf as usize]);
            for spoilt in spoilt(&proof) {
                assert!(verify_inclusion(leaf, own, tree, &spoilt).is_err(), "{leaf} of {size}: {spoilt:?}");
            }
            for bit in 0..256 {
                let other = with_bit_flipped(&TreeHead { size, root: own }, bit).root;
                assert_eq!(verify_inclusion(leaf, other, tree, &proof), Err(ProofFault::Root), "{leaf} of {size}");
                let other = with_bit_flipped(tree, bit);
                assert_eq!(verify_inclusion(leaf, own, &other, &proof), Err(ProofFault::Root), "{leaf} of {size}");
            }
            for other in (0..size + 3).filter(|other| *other != leaf) {
                assert!(verify_inclusion(other, own, tree, &proof).is_err(), "{leaf} of {size} as {other}");
            }
            // A root alone does not say how many leaves there are: another size is refused where the way is another.
            for other in (0..=size * 2 + 1).filter(|other| *other != size) {
                let same_way = leaf < other && sides(leaf, other).eq(sides(leaf, size));
                let found = verify_inclusion(leaf, own, &TreeHead { size: other, ..*tree }, &proof);
                assert_eq!(found.is_ok(), same_way, "{leaf} of {size} as of {other}");
                let found = verify_inclusion(leaf, own, kept.heads.get(other as usize).unwrap_or(tree), &proof);
                assert_eq!(found.is_ok(), other > 140, "{leaf} of {size} against the tree of {other}");
            }
        }
    }

    #[test]
    fn a_spoilt_proof_between_trees_is_refused() {
        let kept = Kept::of(&numbered(140));
        let pairs = (1..=9).flat_map(|size| (1..=size).map(move |old| (old, size)));
        for (old, size) in pairs.chain([(1, 140), (64, 140), (77, 140), (128, 140), (139, 140)]) {
            let (before, tree, proof) = (kept.head(old), kept.head(size), kept.consistency(old, size));
            for spoilt in spoilt(&proof) {
                assert!(verify_consistency(before, tree, &spoilt).is_err(), "{old} to {size}: {spoilt:?}");
            }
            for bit in 0..256 {
                let other = with_bit_flipped(before, bit);
                assert!(verify_consistency(&other, tree, &proof).is_err(), "{old} to {size}");
                let other = with_bit_flipped(tree, bit);
                assert!(verify_consistency(before, &other, &proof).is_err(), "{old} to {size}");
            }
            for other in (0..=140).filter(|other| *other != old) {
                assert!(verify_consistency(kept.head(other), tree, &proof).is_err(), "{other} for {old} to {size}");
            }
            for other in (0..=140).filter(|other| *other != size && *other != old) {
                assert!(verify_consistency(before, kept.head(other), &proof).is_err(), "{old} to {other} for {size}");
            }
        }
    }
}
