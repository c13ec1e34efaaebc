//! Blocks, transactions and receipts as the node keeps them.

use alloy_consensus::{
    Eip658Value, EthereumTxEnvelope, Header, ReceiptEnvelope, ReceiptWithBloom, Sealable, Sealed,
    Transaction as _, TxEip4844, Typed2718, transaction::Recovered,
};
use alloy_eips::{Decodable2718, Encodable2718, eip2718::WithEncoded};
use alloy_primitives::{Address, B256, Bloom, Bytes, Log, keccak256};
use alloy_rlp::{RlpDecodable, RlpEncodable};
use op_alloy_consensus::{DEPOSIT_TX_TYPE_ID, OpReceiptEnvelope, OpTxEnvelope, TxDeposit};
use vellum_block::l2::SignedTransaction;

/// A signed transaction as it stands in a block: blob transactions without their blobs.
pub type Signed = EthereumTxEnvelope<TxEip4844>;

/// A transaction of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transaction {
    /// One that somebody signed.
    Signed(Signed),
    /// A deposit from L1; only on L2.
    Deposit(Sealed<TxDeposit>),
}

impl Transaction {
    /// Reads the EIP-2718 encoding; every byte must belong to it.
    pub fn decode(encoded: &[u8]) -> Result<Self, alloy_eips::eip2718::Eip2718Error> {
        if encoded.first() == Some(&DEPOSIT_TX_TYPE_ID) {
            return match OpTxEnvelope::decode_2718_exact(encoded)? {
                OpTxEnvelope::Deposit(deposit) => Ok(Self::Deposit(deposit)),
                other => Err(alloy_eips::eip2718::Eip2718Error::UnexpectedType(other.ty())),
            };
        }
        Signed::decode_2718_exact(encoded).map(Self::Signed)
    }

    /// The fields that all kinds have.
    pub fn fields(&self) -> &dyn alloy_consensus::Transaction {
        match self {
            Self::Signed(transaction) => transaction,
            Self::Deposit(deposit) => deposit.inner(),
        }
    }

    /// EIP-2718 type.
    pub fn tx_type(&self) -> u8 {
        match self {
            Self::Signed(transaction) => transaction.ty(),
            Self::Deposit(_) => DEPOSIT_TX_TYPE_ID,
        }
    }
}

/// What a block of L2 knows of L1, from its L1 attributes transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OriginOfBlock {
    /// Number of the L1 block.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// How many L2 blocks before this one have the same origin.
    pub sequence_number: u64,
}

/// A transaction of a block, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct BlockTransaction {
    /// Who sent it.
    pub sender: Address,
    /// Its EIP-2718 encoding.
    pub encoded: Bytes,
}

impl BlockTransaction {
    /// The decoded transaction.
    pub fn decode(&self) -> Result<Recovered<Transaction>, alloy_eips::eip2718::Eip2718Error> {
        Ok(Recovered::new_unchecked(Transaction::decode(&self.encoded)?, self.sender))
    }

    /// The transaction's hash.
    pub fn hash(&self) -> B256 {
        keccak256(&self.encoded)
    }

    /// Whether it came from L1.
    pub fn is_deposit(&self) -> bool {
        self.encoded.first() == Some(&DEPOSIT_TX_TYPE_ID)
    }

    /// The transaction in the form that L2's rules execute.
    pub fn to_l2(&self) -> Result<SignedTransaction, alloy_eips::eip2718::Eip2718Error> {
        let transaction = OpTxEnvelope::decode_2718_exact(&self.encoded)?;
        Ok(WithEncoded::new(self.encoded.clone(), Recovered::new_unchecked(transaction, self.sender)))
    }
}

/// What a transaction left behind.
#[derive(Debug, Clone, PartialEq, Eq, RlpEncodable, RlpDecodable)]
#[rlp(trailing)]
pub struct Receipt {
    /// EIP-2718 type of the transaction.
    pub tx_type: u8,
    /// Whether it ended without a revert or a halt.
    pub success: bool,
    /// Gas used by this and all transactions before it in the block.
    pub cumulative_gas_used: u64,
    /// Bloom filter of the logs.
    pub logs_bloom: Bloom,
    /// Its logs.
    pub logs: Vec<Log>,
    /// Of a deposit: the sender's nonce before it.
    pub deposit_nonce: Option<u64>,
    /// Of a deposit: version of the receipt's format.
    pub deposit_receipt_version: Option<u64>,
}

impl Receipt {
    /// The EIP-2718 encoding, as the receipts trie holds it.
    pub fn encoded(&self) -> Bytes {
        let receipt = alloy_consensus::Receipt {
            status: Eip658Value::Eip658(self.success),
            cumulative_gas_used: self.cumulative_gas_used,
            logs: self.logs.clone(),
        };
        let logs_bloom = self.logs_bloom;
        if self.tx_type == DEPOSIT_TX_TYPE_ID {
            let receipt = op_alloy_consensus::OpDepositReceipt {
                inner: receipt,
                deposit_nonce: self.deposit_nonce,
                deposit_receipt_version: self.deposit_receipt_version,
            };
            let receipt = op_alloy_consensus::OpDepositReceiptWithBloom { receipt, logs_bloom };
            return OpReceiptEnvelope::Deposit(receipt).encoded_2718().into();
        }
        let receipt = ReceiptWithBloom { receipt, logs_bloom };
        let envelope = match self.tx_type {
            1 => ReceiptEnvelope::Eip2930(receipt),
            2 => ReceiptEnvelope::Eip1559(receipt),
            3 => ReceiptEnvelope::Eip4844(receipt),
            4 => ReceiptEnvelope::Eip7702(receipt),
            _ => ReceiptEnvelope::Legacy(receipt),
        };
        envelope.encoded_2718().into()
    }
}

impl From<ReceiptEnvelope> for Receipt {
    fn from(envelope: ReceiptEnvelope) -> Self {
        let tx_type = envelope.ty();
        let logs_bloom = *envelope.logs_bloom();
        let (success, cumulative_gas_used) = (envelope.status(), envelope.cumulative_gas_used());
        let logs = envelope.logs().to_vec();
        let (deposit_nonce, deposit_receipt_version) = (None, None);
        Self {
            tx_type,
            success,
            cumulative_gas_used,
            logs_bloom,
            logs,
            deposit_nonce,
            deposit_receipt_version,
        }
    }
}

impl From<OpReceiptEnvelope> for Receipt {
    fn from(envelope: OpReceiptEnvelope) -> Self {
        let deposit = envelope.as_deposit_receipt();
        let (deposit_nonce, deposit_receipt_version) =
            deposit.map_or((None, None), |deposit| (deposit.deposit_nonce, deposit.deposit_receipt_version));
        Self {
            tx_type: envelope.tx_type() as u8,
            success: envelope.status(),
            cumulative_gas_used: envelope.cumulative_gas_used(),
            logs_bloom: *envelope.logs_bloom(),
            logs: envelope.logs().to_vec(),
            deposit_nonce,
            deposit_receipt_version,
        }
    }
}

/// A block of the chain with its receipts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The header with its hash.
    pub header: Sealed<Header>,
    /// The transactions.
    pub transactions: Vec<BlockTransaction>,
    /// Their receipts.
    pub receipts: Vec<Receipt>,
}

impl Block {
    /// A block; its hash is computed.
    pub fn new(header: Header, transactions: Vec<BlockTransaction>, receipts: Vec<Receipt>) -> Self {
        Self { header: header.seal_slow(), transactions, receipts }
    }

    /// Number of the block.
    pub fn number(&self) -> u64 {
        self.header.number
    }

    /// Hash of the block's header.
    pub fn hash(&self) -> B256 {
        self.header.hash()
    }

    /// The L1 block that an L2 block knows; none for genesis and for blocks of L1.
    pub fn l1_origin(&self) -> Option<OriginOfBlock> {
        let Transaction::Deposit(attributes) =
            Transaction::decode(&self.transactions.first()?.encoded).ok()?
        else {
            return None;
        };
        // setL1BlockValuesIsthmus(): selector, two scalars, sequence number, timestamp, number, two fees, hash, …
        let input = &attributes.inner().input;
        let number = |at: usize| Some(u64::from_be_bytes(*input.get(at..)?.first_chunk()?));
        Some(OriginOfBlock {
            number: number(28)?,
            hash: B256::new(*input.get(100..)?.first_chunk()?),
            sequence_number: number(12)?,
        })
    }

    /// RLP of the block.
    pub fn encode(&self) -> Vec<u8> {
        let encoded: Vec<Bytes> = self.transactions.iter().map(|tx| tx.encoded.clone()).collect();
        vellum_block::encode_block(&self.header, &encoded)
    }

    /// Gas used by the transaction at this place alone.
    pub fn gas_used(&self, index: usize) -> u64 {
        let cumulative =
            |index: usize| self.receipts.get(index).map_or(0, |receipt| receipt.cumulative_gas_used);
        cumulative(index) - if index == 0 { 0 } else { cumulative(index - 1) }
    }

    /// Number of logs in the block before the transaction at this place.
    pub fn logs_before(&self, index: usize) -> usize {
        self.receipts.iter().take(index).map(|receipt| receipt.logs.len()).sum()
    }

    /// Price per gas that the transaction paid.
    pub fn effective_gas_price(&self, transaction: &Transaction) -> u128 {
        match transaction {
            Transaction::Signed(signed) => signed.effective_gas_price(self.header.base_fee_per_gas),
            Transaction::Deposit(_) => 0,
        }
    }
}
