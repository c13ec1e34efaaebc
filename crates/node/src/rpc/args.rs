//! Parameters of a request, and how methods are entered.

use std::sync::Arc;

use jsonrpsee::{
    RpcModule,
    types::{ErrorObjectOwned, Params},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};

use super::{Api, RpcError};

/// The parameters of a request in their order.
#[derive(Debug)]
pub struct Args<'a> {
    items: std::vec::IntoIter<&'a RawValue>,
    taken: usize,
}

impl<'a> Args<'a> {
    /// Takes the array apart; more than `most` items are refused.
    pub(super) fn parse(params: Option<&'a str>, most: usize) -> Result<Self, RpcError> {
        let invalid =
            |error: serde_json::Error| RpcError::InvalidParams(format!("invalid parameters: {error}"));
        let items: Vec<&RawValue> = match params.map(str::trim) {
            None | Some("" | "null") => vec![],
            Some(params) if params.starts_with('{') => {
                return Err(RpcError::InvalidParams("non-array args".into()));
            }
            Some(params) => serde_json::from_str(params).map_err(invalid)?,
        };
        if items.len() > most {
            return Err(RpcError::InvalidParams(format!("too many arguments, want at most {most}")));
        }
        Ok(Self { items: items.into_iter(), taken: 0 })
    }

    /// The next parameter, which must be there.
    pub fn required<T: DeserializeOwned>(&mut self) -> Result<T, RpcError> {
        let index = self.taken;
        self.optional()?
            .ok_or_else(|| RpcError::InvalidParams(format!("missing value for required argument {index}")))
    }

    /// The next parameter; null is the same as none.
    pub fn optional<T: DeserializeOwned>(&mut self) -> Result<Option<T>, RpcError> {
        let index = self.taken;
        self.taken += 1;
        let Some(item) = self.items.next().map(RawValue::get) else { return Ok(None) };
        let value = serde_json::from_str(item);
        value.map_err(|error| RpcError::InvalidParams(format!("invalid argument {index}: {error}")))
    }
}

/// The methods of a server while they are entered.
#[derive(Debug)]
pub struct Methods {
    pub(super) module: RpcModule<Api>,
}

impl Methods {
    pub(super) fn new(api: Arc<Api>) -> Self {
        Self { module: RpcModule::from_arc(api) }
    }

    pub(super) fn into_module(self) -> RpcModule<Api> {
        self.module
    }

    /// Enters a method that takes at most `most` parameters. It runs on a thread where it may block.
    pub(super) fn add<R: Serialize + 'static>(
        &mut self,
        name: &'static str,
        most: usize,
        method: fn(&Api, &mut Args<'_>) -> Result<R, RpcError>,
    ) {
        enter(&mut self.module, name, most, method);
    }
}

/// Enters a method into a module; other parts of the program use this for theirs.
pub fn enter<R: Serialize + 'static>(
    module: &mut RpcModule<Api>,
    name: &'static str,
    most: usize,
    method: impl Fn(&Api, &mut Args<'_>) -> Result<R, RpcError> + Clone + Send + Sync + 'static,
) {
    let entered = module.register_async_method(name, move |params, api, _| {
        let (api, method) = (Arc::clone(&api), method.clone());
        async move { run(api, params, most, method).await.map_err(ErrorObjectOwned::from) }
    });
    if let Err(error) = entered {
        // Two methods of one name: the first one stays, as a test of the list of names notices.
        tracing::error!(%error, "method not entered");
    }
}

async fn run<R: Serialize>(
    api: Arc<Api>,
    params: Params<'static>,
    most: usize,
    method: impl Fn(&Api, &mut Args<'_>) -> Result<R, RpcError> + Send + 'static,
) -> Result<Box<RawValue>, RpcError> {
    let permit = tokio::time::timeout(api.limits.wait, api.permits.clone().acquire_owned()).await;
    let Ok(Ok(permit)) = permit else { return Err(RpcError::Limit("the node is busy".into())) };
    let work = move || {
        let _permit = permit;
        let mut args = Args::parse(params.as_str(), most)?;
        let result = method(&api, &mut args)?;
        to_raw_value(&result).map_err(|error| RpcError::Internal(error.to_string()))
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(RpcError::Internal(format!("request failed: {error}"))))
}
