//! `eth_`: the chain, blocks, transactions and accounts.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_rpc_types_eth::{Index, TransactionRequest};
use alloy_serde::JsonStorageKey;

use super::{
    Api, Args, Methods, RpcError,
    convert::{self, AnyBlock, AnyReceipt, AnyTransaction},
};
use crate::store::Table;

pub(super) fn register(methods: &mut Methods) {
    methods.add("eth_chainId", 0, |api, _| Ok(U64::from(api.node.chain().chain_id())));
    methods.add("eth_blockNumber", 0, |api, _| Ok(U64::from(api.node.chain().head_number())));
    methods.add("eth_syncing", 0, |_, _| Ok(false));
    methods.add("eth_mining", 0, |_, _| Ok(false));
    methods.add("eth_coinbase", 0, |api, _| Ok(api.node.config().beneficiary));
    methods.add("eth_protocolVersion", 0, |_, _| Ok("0x44"));
    methods.add("eth_getBalance", 2, balance);
    methods.add("eth_getCode", 2, code);
    methods.add("eth_getStorageAt", 3, storage_at);
    methods.add("eth_getTransactionCount", 2, transaction_count);
    methods.add("eth_getBlockByNumber", 2, block_by_number);
    methods.add("eth_getBlockByHash", 2, block_by_hash);
    methods.add("eth_getHeaderByNumber", 1, |api, args| {
        let number = args.required::<BlockNumberOrTag>()?;
        Ok(api.node.chain().block_at(number.into())?.map(|block| convert::header(&block)))
    });
    methods.add("eth_getHeaderByHash", 1, |api, args| {
        let hash = args.required::<B256>()?;
        Ok(api.node.chain().block_at(hash.into())?.map(|block| convert::header(&block)))
    });
    methods.add("eth_getBlockReceipts", 1, block_receipts);
    methods.add("eth_getBlockTransactionCountByNumber", 1, |api, args| {
        count(api, args.required::<BlockNumberOrTag>()?.into())
    });
    methods.add("eth_getBlockTransactionCountByHash", 1, |api, args| {
        count(api, args.required::<B256>()?.into())
    });
    methods.add("eth_getUncleCountByBlockNumber", 1, |api, args| {
        uncles(api, args.required::<BlockNumberOrTag>()?.into())
    });
    methods.add("eth_getUncleCountByBlockHash", 1, |api, args| uncles(api, args.required::<B256>()?.into()));
    methods.add("eth_getUncleByBlockNumberAndIndex", 2, |_, args| {
        args.required::<BlockNumberOrTag>()?;
        args.required::<Index>()?;
        Ok(None::<()>)
    });
    methods.add("eth_getUncleByBlockHashAndIndex", 2, |_, args| {
        args.required::<B256>()?;
        args.required::<Index>()?;
        Ok(None::<()>)
    });
    methods.add("eth_getTransactionByHash", 1, transaction_by_hash);
    methods.add("eth_getTransactionByBlockNumberAndIndex", 2, |api, args| {
        transaction_in(api, args.required::<BlockNumberOrTag>()?.into(), args.required()?)
    });
    methods.add("eth_getTransactionByBlockHashAndIndex", 2, |api, args| {
        transaction_in(api, args.required::<B256>()?.into(), args.required()?)
    });
    methods.add("eth_getRawTransactionByHash", 1, raw_transaction);
    methods.add("eth_getRawTransactionByBlockNumberAndIndex", 2, |api, args| {
        raw_transaction_in(api, args.required::<BlockNumberOrTag>()?.into(), args.required()?)
    });
    methods.add("eth_getRawTransactionByBlockHashAndIndex", 2, |api, args| {
        raw_transaction_in(api, args.required::<B256>()?.into(), args.required()?)
    });
    methods.add("eth_getTransactionReceipt", 1, transaction_receipt);
    methods.add("eth_sendRawTransaction", 1, |api, args| Ok(api.node.submit(&args.required::<Bytes>()?)?));
    methods.add("eth_accounts", 0, |api, _| {
        Ok(api.node.dev_accounts().iter().map(|signer| signer.address()).collect::<Vec<Address>>())
    });
    methods.add("eth_fillTransaction", 1, |api, args| {
        let request = args.required::<TransactionRequest>()?;
        super::call::fill(api, request)
    });
}

fn balance(api: &Api, args: &mut Args<'_>) -> Result<U256, RpcError> {
    let address = args.required()?;
    let block = api.block(args.optional()?)?;
    let account = api.node.chain().state_after(&block.header).account(address)?;
    Ok(account.map(|account| account.balance).unwrap_or_default())
}

fn code(api: &Api, args: &mut Args<'_>) -> Result<Bytes, RpcError> {
    let address = args.required()?;
    let block = api.block(args.optional()?)?;
    let state = api.node.chain().state_after(&block.header);
    let Some(account) = state.account(address)? else { return Ok(Bytes::new()) };
    Ok(state.code(account.code_hash)?.original_bytes())
}

fn storage_at(api: &Api, args: &mut Args<'_>) -> Result<B256, RpcError> {
    let address = args.required()?;
    let slot = args.required::<JsonStorageKey>()?.as_b256();
    let block = api.block(args.optional()?)?;
    let value = api.node.chain().state_after(&block.header).slot(address, slot.into())?;
    Ok(value.into())
}

fn transaction_count(api: &Api, args: &mut Args<'_>) -> Result<U64, RpcError> {
    let address = args.required()?;
    let id: Option<BlockId> = args.optional()?;
    if id.is_some_and(|id| id.is_pending())
        && let Some(nonce) = api.node.pool().next_nonce(address)
    {
        return Ok(U64::from(nonce));
    }
    let block = api.block(id)?;
    let account = api.node.chain().state_after(&block.header).account(address)?;
    Ok(U64::from(account.map_or(0, |account| account.nonce)))
}

fn block_by_number(api: &Api, args: &mut Args<'_>) -> Result<Option<AnyBlock>, RpcError> {
    let number = args.required::<BlockNumberOrTag>()?;
    block(api, number.into(), args.optional()?)
}

fn block_by_hash(api: &Api, args: &mut Args<'_>) -> Result<Option<AnyBlock>, RpcError> {
    let hash = args.required::<B256>()?;
    block(api, hash.into(), args.optional()?)
}

fn block(api: &Api, id: BlockId, full: Option<bool>) -> Result<Option<AnyBlock>, RpcError> {
    let chain = api.node.chain();
    let block = chain.block_at(id)?;
    block.map(|block| convert::block(chain, &block, full.unwrap_or(false))).transpose()
}

fn count(api: &Api, id: BlockId) -> Result<Option<U64>, RpcError> {
    Ok(api.node.chain().block_at(id)?.map(|block| U64::from(block.transactions.len())))
}

fn uncles(api: &Api, id: BlockId) -> Result<Option<U64>, RpcError> {
    Ok(api.node.chain().block_at(id)?.map(|_| U64::ZERO))
}

fn block_receipts(api: &Api, args: &mut Args<'_>) -> Result<Option<Vec<AnyReceipt>>, RpcError> {
    let chain = api.node.chain();
    let Some(block) = chain.block_at(args.required()?)? else { return Ok(None) };
    let receipts = (0..block.receipts.len()).map(|index| convert::receipt(chain, &block, index));
    receipts.collect::<Result<_, _>>().map(Some)
}

fn transaction_by_hash(api: &Api, args: &mut Args<'_>) -> Result<Option<AnyTransaction>, RpcError> {
    let hash = args.required()?;
    let chain = api.node.chain();
    match chain.transaction_place(hash)? {
        Some((block, index)) => convert::transaction(chain, &block, index).map(Some),
        None => Ok(api.node.pool().get(&hash).map(|pooled| convert::waiting(&pooled))),
    }
}

fn transaction_in(api: &Api, id: BlockId, index: Index) -> Result<Option<AnyTransaction>, RpcError> {
    let chain = api.node.chain();
    let Some(block) = chain.block_at(id)? else { return Ok(None) };
    let there = index.0 < block.transactions.len();
    there.then(|| convert::transaction(chain, &block, index.0)).transpose()
}

fn raw_transaction(api: &Api, args: &mut Args<'_>) -> Result<Option<Bytes>, RpcError> {
    let hash = args.required()?;
    Ok(match api.node.chain().transaction_place(hash)? {
        Some((block, index)) => Some(block.transactions[index].encoded.clone()),
        None => api.node.pool().get(&hash).map(|pooled| pooled.candidate.encoded.clone()),
    })
}

fn raw_transaction_in(api: &Api, id: BlockId, index: Index) -> Result<Option<Bytes>, RpcError> {
    let block = api.node.chain().block_at(id)?;
    Ok(block.and_then(|block| Some(block.transactions.get(index.0)?.encoded.clone())))
}

fn transaction_receipt(api: &Api, args: &mut Args<'_>) -> Result<Option<AnyReceipt>, RpcError> {
    let hash: B256 = args.required()?;
    // The index is read before the block: most of these requests ask for a transaction that still waits.
    if api.node.chain().store().get(Table::Transactions, hash.as_slice())?.is_none() {
        return Ok(None);
    }
    let chain = api.node.chain();
    let place = chain.transaction_place(hash)?;
    place.map(|(block, index)| convert::receipt(chain, &block, index)).transpose()
}
