//! `gateway check-pairing`

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::{
    CliError, Context, Exit, Output, Tone, Wish,
    error::{ConnectError, Target},
    keys::trust,
    reach::gateway,
    session::Session,
    target::{Known, Remote, Source, TargetArgs, TargetError, Way, plan},
};
use crate::{
    client::{Connection, Deadline, Endpoint, Failure, Login, Presented},
    device::Identity,
    hint::chain,
    protocol::{PairingList, RequestId},
};

/// Check that a device can be paired by the way that --url names
///
/// A device that is made for this connects to --url, is approved over the socket of this state directory, connects again, and is
/// removed. The URL must lead to the gateway of this state directory. It is sent the secret that is given; --own-secret sends that
/// of this gateway, which a URL that leads elsewhere would learn.
#[derive(Debug, clap::Args)]
pub(crate) struct CheckPairing {
    /// Send the secret of this state directory's gateway to --url
    #[arg(long, conflicts_with_all = ["token", "password"])]
    own_secret: bool,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

/// What became of the device.
struct Paired {
    /// The request that had to be approved; `None` where the device was let in at once.
    request: Option<RequestId>,
}

impl CheckPairing {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let remote = self.remote(context)?;
        let here = TargetArgs { timeout: self.target.timeout, ..TargetArgs::default() };
        let mut operator = gateway(context, &here, Wish::CALL, output).await?;
        let device = Identity::random().map_err(|error| CliError::Files {
            message: format!("no device key: {}", chain(&error)),
            hint: "the system gives no random numbers; try again".into(),
        })?;
        let device = Arc::new(device);
        let id = device.device_id();
        let checked = self.check(context, &remote, &mut operator, &device).await;
        // Also after a failure: a device that nobody has must not stay. There may be none to remove.
        let removed = operator.call::<Value>("device.pair.remove", Some(&json!({ "deviceId": id }))).await;
        operator.close().await;
        let paired = checked?;
        removed?;
        if output.is_json() {
            output.json(
                &json!({ "ok": true, "url": remote.url.to_string(), "deviceId": id, "requestId": paired.request }),
            )?;
        } else {
            let how = match paired.request {
                Some(request) => format!("as request {request}, which was approved over the local socket"),
                None => "at once".into(),
            };
            output.toned(
                Tone::Good,
                &format!("A new device was paired over {} {how}, and is removed again", remote.url),
            )?;
        }
        Ok(Exit::Done)
    }

    /// The way to check, with what to present there.
    fn remote(&self, context: &Context) -> Result<Remote, CliError> {
        let url = self.target.url.clone();
        let url = url.ok_or_else(|| {
            CliError::usage(
                "no way to check is named",
                "openclaw gateway check-pairing --url ws://HOST:PORT --own-secret",
            )
        })?;
        let presented = if self.own_secret {
            own_secret(context)
        } else {
            Presented { token: self.target.token.clone(), password: self.target.password.clone() }
        };
        if presented.is_empty() {
            let error = TargetError::NeedsCredentials { url, named_by: Source::CliUrl };
            return Err(context.no_target(error));
        }
        let fingerprint = self.target.tls_fingerprint;
        Ok(Remote { url, source: Source::CliUrl, presented, secret_from: None, fingerprint, own: false })
    }

    async fn check(
        &self,
        context: &Context,
        remote: &Remote,
        operator: &mut Session,
        device: &Arc<Identity>,
    ) -> Result<Paired, CliError> {
        let refused = match self.visit(context, remote, device).await {
            Ok(()) => return Ok(Paired { request: None }),
            Err(failure) => failure,
        };
        let listed: PairingList = operator.call("device.pair.list", Some(&json!({}))).await?;
        let id = device.device_id().to_string();
        let Some(waiting) = listed.pending.iter().find(|request| request.device_id == id) else {
            return Err(failed(context, remote, refused));
        };
        let request = waiting.request_id.clone();
        operator.call::<Value>("device.pair.approve", Some(&json!({ "requestId": request }))).await?;
        self.visit(context, remote, device).await.map_err(|failure| failed(context, remote, failure))?;
        Ok(Paired { request: Some(request) })
    }

    /// Connects as the device, and leaves.
    async fn visit(&self, context: &Context, remote: &Remote, device: &Arc<Identity>) -> Result<(), Failure> {
        let endpoint = Endpoint::Network {
            url: remote.url.clone(),
            trust: trust(context, remote),
            plain_to_any_name: context.settings.client.allow_insecure_private_ws,
        };
        let login = Login::cli().presenting(remote.presented.clone()).with_device(Some(device.clone()));
        let deadline = Deadline::after(self.target.timeout.unwrap_or(Wish::CALL.timeout));
        Connection::open(&endpoint, &login, deadline).await?.close().await;
        Ok(())
    }
}

/// What commands present to the gateway of this state directory.
fn own_secret(context: &Context) -> Presented {
    let known = Known { settings: &context.settings, sockets: &[], announced: None, files: false };
    let ways = plan(&TargetArgs::default(), known).map(|plan| plan.ways).unwrap_or_default();
    let own = ways.into_iter().find_map(|way| match way {
        Way::Network(remote) if remote.own => Some(remote.presented),
        _ => None,
    });
    own.unwrap_or_default()
}

fn failed(context: &Context, remote: &Remote, failure: Failure) -> CliError {
    let target = Target {
        address: remote.url.to_string(),
        source: remote.source.clone(),
        config: context.paths.config.clone(),
        bind: None,
        secret_from: None,
    };
    CliError::Connect(Box::new(ConnectError { failure, target, remarks: Vec::new(), advice: None }))
}
