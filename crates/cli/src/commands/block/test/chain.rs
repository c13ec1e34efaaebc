//! One chain test: its states, its blocks, what must come out.

use std::collections::{BTreeMap, HashMap};

use alloy_consensus::{Header, TrieAccount};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::Encodable;
use serde::Deserialize;
use vellum_block::trie::{Forest, Subtree, TrieError};
use vellum_block::{BlockInput, Fork, NodeSet, execute_with_changes};
use vellum_zkvm::{Limits, Program, Silent, execute};

/// All published tests are of this chain.
const CHAIN_ID: u64 = 1;
/// Headers that a block can ask for (BLOCKHASH).
const ANCESTORS: usize = 256;
/// Cycles after which an execution in the zkVM is given up.
const MAX_CYCLES: u64 = 20_000_000_000;

/// A test as it is written; the table is in the module above.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Test {
    pub(super) name: String,
    network: String,
    #[serde(rename = "genesisRLP")]
    genesis_rlp: Option<Bytes>,
    ancestors: Option<Vec<Bytes>>,
    pre: BTreeMap<Address, Account>,
    blocks: Vec<Block>,
    lastblockhash: B256,
    post_state: Option<BTreeMap<Address, Account>>,
    post_state_hash: Option<B256>,
    #[serde(default)]
    side_chains: bool,
}

#[derive(Deserialize)]
struct Account {
    nonce: U256,
    balance: U256,
    code: Bytes,
    storage: BTreeMap<U256, U256>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block {
    rlp: Bytes,
    expect_exception: Option<String>,
}

impl Test {
    /// Runs all blocks; with a program also in the zkVM. The error says what is not as expected.
    pub(super) fn run(&self, program: Option<&Program>) -> Result<(), String> {
        let fork = Fork::from_name(&self.network)
            .ok_or_else(|| format!("no rules of the network {}", self.network))?;
        let (mut chain, mut head) = self.start(fork)?;
        for (number, block) in self.blocks.iter().enumerate() {
            let parent = chain.parent(&block.rlp).filter(|parent| self.side_chains || *parent == head);
            let result = chain.execute(&block.rlp, parent.unwrap_or(head), program);
            match (result?, &block.expect_exception) {
                (Ok(hash), None) => head = hash,
                (Err(_), Some(_)) => {}
                (Err(error), None) => return Err(format!("block {number} is refused: {error}")),
                (Ok(_), Some(why)) => return Err(format!("block {number} is accepted, expected {why}")),
            }
        }
        if self.side_chains {
            head = self.lastblockhash;
        }
        self.check(&chain, head)
    }

    /// The chain with nothing but what the test gives, and its head.
    fn start(&self, fork: Fork) -> Result<(Chain, B256), String> {
        let headers: Vec<&[u8]> = match (&self.genesis_rlp, &self.ancestors) {
            (Some(block), None) => vec![first_item(block).ok_or("genesisRLP is not the RLP of a block")?],
            (None, Some(headers)) => headers.iter().map(|header| &header[..]).collect(),
            _ => return Err("needs either genesisRLP or ancestors".to_owned()),
        };
        let mut chain = Chain::new(fork);
        let root = chain.allocate(&self.pre).map_err(|error| error.to_string())?;
        let mut head = None;
        for rlp in headers {
            let header: Header = alloy_rlp::decode_exact(rlp).map_err(|error| format!("header: {error}"))?;
            let hash = keccak256(rlp);
            head = Some((hash, header.state_root));
            chain.headers.insert(hash, (rlp.to_vec(), header));
        }
        let (head, state_root) = head.ok_or("no ancestors")?;
        if state_root != root {
            return Err(format!("pre has the state root {root}, the header before the blocks {state_root}"));
        }
        Ok((chain, head))
    }

    fn check(&self, chain: &Chain, head: B256) -> Result<(), String> {
        if head != self.lastblockhash {
            return Err(format!("the head is {head}, expected {}", self.lastblockhash));
        }
        let (_, header) = chain.headers.get(&head).ok_or("the last block is not among the valid ones")?;
        let expected = match (&self.post_state, self.post_state_hash) {
            (Some(accounts), _) => {
                Chain::new(chain.fork).allocate(accounts).map_err(|error| error.to_string())?
            }
            (None, Some(root)) => root,
            (None, None) => return Err("needs postState or postStateHash".to_owned()),
        };
        if header.state_root != expected {
            return Err(format!("the state root is {}, expected {expected}", header.state_root));
        }
        Ok(())
    }
}

/// All blocks and states so far.
struct Chain {
    fork: Fork,
    headers: HashMap<B256, (Vec<u8>, Header)>,
    nodes: NodeSet,
    /// Codes by hash.
    codes: BTreeMap<B256, Bytes>,
}

impl Chain {
    fn new(fork: Fork) -> Self {
        Self { fork, headers: HashMap::new(), nodes: NodeSet::default(), codes: BTreeMap::new() }
    }

    /// Adds a state and returns its root.
    fn allocate(&mut self, accounts: &BTreeMap<Address, Account>) -> Result<B256, TrieError> {
        let mut records = Vec::new();
        for (address, account) in accounts {
            let slots = account.storage.iter().filter(|(_, value)| !value.is_zero());
            let slots = slots.map(|(slot, value)| {
                (keccak256(slot.to_be_bytes::<32>()), alloy_rlp::encode_fixed_size(value).to_vec())
            });
            let storage_root = self.trie(slots)?;
            let code_hash = keccak256(&account.code);
            self.codes.insert(code_hash, account.code.clone());
            let record = TrieAccount {
                nonce: account.nonce.saturating_to(),
                balance: account.balance,
                storage_root,
                code_hash,
            };
            records.push((keccak256(address), alloy_rlp::encode(record)));
        }
        self.trie(records.into_iter())
    }

    fn trie(&mut self, entries: impl Iterator<Item = (B256, Vec<u8>)>) -> Result<B256, TrieError> {
        let (mut forest, mut root) = (Forest::new(), Subtree::EMPTY);
        for (key, value) in entries {
            root = forest.insert(root, &key, &value)?;
        }
        forest.for_each_node(root, &mut |node| self.nodes.insert(node));
        Ok(forest.root_hash(root))
    }

    /// The known block that this one names as its parent.
    fn parent(&self, block: &[u8]) -> Option<B256> {
        let header: Header = alloy_rlp::decode_exact(first_item(block)?).ok()?;
        self.headers.contains_key(&header.parent_hash).then_some(header.parent_hash)
    }

    /// Executes a block on `parent`. The outer error is a difference between native and zkVM execution.
    fn execute(
        &mut self,
        block: &[u8],
        parent: B256,
        program: Option<&Program>,
    ) -> Result<Result<B256, String>, String> {
        let headers = self.ancestors(parent);
        let state_root = self.headers.get(&parent).map(|(_, header)| header.state_root).unwrap_or_default();
        let nodes = self.nodes.depth_first(state_root);
        let mut codes = Vec::new();
        self.codes.values().filter(|code| !code.is_empty()).for_each(|code| code.0.encode(&mut codes));
        let input = BlockInput {
            chain_id: CHAIN_ID,
            fork: self.fork,
            block,
            headers: &headers,
            nodes: &nodes,
            codes: &codes,
        };
        let result = execute_with_changes(&input);
        if let Some(program) = program {
            let expected = result.as_ref().ok().map(|(outcome, _)| outcome.public.encode());
            compare(program, &input, expected.as_ref().map(|public| &public[..]))?;
        }
        let (outcome, completed) = match result {
            Ok(valid) => valid,
            Err(error) => return Ok(Err(error.to_string())),
        };
        completed.changes.nodes.iter().for_each(|(_, node)| self.nodes.insert(node));
        self.codes.extend(completed.changes.codes);
        self.remember(block, outcome.public.block_hash)?;
        Ok(Ok(outcome.public.block_hash))
    }

    fn remember(&mut self, block: &[u8], hash: B256) -> Result<(), String> {
        let rlp = first_item(block).ok_or("a valid block without a header")?;
        let header =
            alloy_rlp::decode_exact(rlp).map_err(|error| format!("a valid block's header: {error}"))?;
        self.headers.insert(hash, (rlp.to_vec(), header));
        Ok(())
    }

    /// RLP of the headers from `hash` back.
    fn ancestors(&self, mut hash: B256) -> Vec<u8> {
        let mut headers = Vec::new();
        for _ in 0..ANCESTORS {
            let Some((rlp, header)) = self.headers.get(&hash) else { break };
            headers.extend_from_slice(rlp);
            hash = header.parent_hash;
        }
        headers
    }
}

/// The block guest must commit to `expected`, or fail if the block is not valid.
fn compare(program: &Program, input: &BlockInput<'_>, expected: Option<&[u8]>) -> Result<(), String> {
    let file = input.encode().map_err(|error| error.to_string())?;
    let limits = Limits { max_cycles: Some(MAX_CYCLES), ..Limits::default() };
    let execution = execute(program, &file, limits, &mut Silent)
        .map_err(|error| format!("execution in the zkVM: {error}"))?;
    let committed = (execution.exit.status == 0).then_some(execution.output.as_deref()).flatten();
    if committed != expected {
        return Err("the block's executions inside and outside the zkVM differ".to_owned());
    }
    Ok(())
}

/// The first item of an RLP list, its header included.
fn first_item(mut list: &[u8]) -> Option<&[u8]> {
    let items = alloy_rlp::Header::decode_bytes(&mut list, true).ok()?;
    let mut rest = items;
    let header = alloy_rlp::Header::decode(&mut rest).ok()?;
    items.get(..items.len() - rest.len() + header.payload_length)
}
