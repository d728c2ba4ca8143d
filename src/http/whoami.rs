//! `GET /whoami`: how the gateway sees whoever asks, without a session.
//!
//! Whoever is refused can ask with `curl`, through the same proxy. It tells nothing that a refusal does not tell: a class, a
//! rule, addresses of the path that the request took, the entry by which a proxy on it is trusted, names of settings; no
//! version, no device, and nothing else of the configuration.
//! Pages cannot read it: there is no permission for other origins, and a page that made a name of its own point here is not
//! answered.

use hyper::{HeaderMap, Response, StatusCode, header::HOST};
use serde_json::json;

use super::{
    gate::{Gate, is_browser},
    respond::{self, Body},
};
use crate::{
    origin::{self, HostJudgement, Page},
    source::{Source, SourceClass},
};

/// The path.
pub(super) const PATH: &str = "/whoami";

/// The answer.
pub(super) fn answer(gate: &Gate<'_>, source: &Source, headers: &HeaderMap, tls: bool) -> Response<Body> {
    use SourceClass::{Proxied, ProxyDirect, Unattributable};
    let own = gate.policy.surroundings.own_addresses();
    let hosts = gate.policy.hosts(&own);
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(HOST.as_str());
    let judgement = hosts.judge(host);
    let behind_tls = tls || matches!(source.class, Proxied | ProxyDirect | Unattributable);
    // Over plain HTTP browsers tell neither the origin nor the site of such a request, so the name has to do.
    if judgement == HostJudgement::Foreign && !behind_tls {
        let message = "this name may be anybody's: ask by an address or a name of the gateway's machine, or add the page's \
                       origin to gateway.controlUi.allowedOrigins";
        return respond::error(StatusCode::FORBIDDEN, "foreign_host", message);
    }
    if let Some(origin) = text("origin")
        && let Err(refusal) = origin::check(Page { origin: Some(origin), host, behind_tls }, hosts)
    {
        let message = format!("{refusal}; {}", refusal.remedy());
        return respond::error(StatusCode::FORBIDDEN, "origin_not_allowed", &message);
    }
    respond::json(
        StatusCode::OK,
        &json!({
            "source": gate.situation(source).report(),
            "request": { "hostJudgement": judgement.as_str(), "browser": is_browser(headers), "tls": tls },
            "next": gate.place.command("gateway whoami"),
        }),
    )
}
