//! How many requests may wait.

use super::{approve, waiting};
use crate::support::{Connect, Device, Refused, TestGateway, refused};

/// Most requests that wait for one resolved client.
const PER_CLIENT: usize = 4;
/// Most requests that wait at all.
const TOTAL: usize = 64;

fn list_is_full(refused: &Refused) {
    assert_eq!(refused.error["code"], "NOT_PAIRED", "{refused:?}");
    assert!(refused.message().starts_with("pairing required"), "{refused:?}");
    assert!(refused.error["details"].get("requestId").is_none(), "{refused:?}");
    assert!(refused.message().contains("openclaw devices list"), "says what to do: {refused:?}");
    assert!(refused.close.reason.starts_with("pairing required") && refused.close.reason.len() <= 120, "{refused:?}");
}

#[tokio::test]
async fn one_client_cannot_fill_the_list_and_all_together_not_for_the_owner() {
    let gateway = TestGateway::start().await;
    let mut owner = gateway.owner().await;
    let ask = async |client: u8, device: &Device| {
        let connect = Connect::v4().token(&gateway.token()).device(device);
        refused(gateway.dial().source(client).with_evidence().enter(&connect).await)
    };
    let mut requests = Vec::new();
    let last = Device::fresh();
    for _ in 1..PER_CLIENT {
        requests.push(ask(2, &Device::fresh()).await.request_id());
    }
    requests.push(ask(2, &last).await.request_id());
    list_is_full(&ask(2, &Device::fresh()).await);
    // Its own request is no new one, another client has its own share, and a decision makes room.
    assert_eq!(ask(2, &last).await.request_id(), requests[PER_CLIENT - 1]);
    ask(3, &Device::fresh()).await.request_id();
    approve(&mut owner, &requests[0]).await;
    ask(2, &Device::fresh()).await.request_id();
    list_is_full(&ask(2, &Device::fresh()).await);

    for client in 4.. {
        if waiting(&mut owner).await.len() == TOTAL {
            break;
        }
        ask(client, &Device::fresh()).await.request_id();
    }
    list_is_full(&ask(250, &Device::fresh()).await);
    assert_eq!(waiting(&mut owner).await.len(), TOTAL);
    // Who is near needs no request.
    gateway.admit(&Connect::v4().token(&gateway.token()).device(&Device::fresh())).await;
}

#[tokio::test]
async fn clients_that_nobody_vouches_for_share_one_share() {
    let gateway = TestGateway::start().await;
    let ask = async |client: &str| {
        let connect = Connect::v4().token(&gateway.token()).device(&Device::fresh());
        refused(gateway.dial().header("x-forwarded-for", client).enter(&connect).await)
    };
    for client in 1..=PER_CLIENT {
        ask(&format!("198.51.100.{client}")).await.request_id();
    }
    // The header is only a claim: another one in it makes nobody else.
    list_is_full(&ask("198.51.100.77").await);
    // The owner, on loopback, is not concerned.
    gateway.admit(&Connect::v4().token(&gateway.token()).device(&Device::fresh())).await;
}
