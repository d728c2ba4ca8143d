//! Raw HTTP: what is written is what is sent.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::tungstenite::http::Response;

use super::{Dial, within};

/// An HTTP answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(super) fn of(response: &Response<Option<Vec<u8>>>) -> Self {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        Self {
            status: response.status().as_u16(),
            headers: response
                .headers()
                .iter()
                .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
                .collect(),
            body: response.body().as_deref().map(text).unwrap_or_default(),
        }
    }

    /// Reads an answer. `ended` says that nothing follows what is here.
    fn parse(bytes: &[u8], ended: bool) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let answer = Self { status, headers, body: body.to_owned() };
        let whole = status == 101 || answer.header("content-length").parse().is_ok_and(|length| body.len() >= length);
        (ended || whole).then_some(answer)
    }

    /// A header; empty when absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }
}

/// Writes `request` as it is and reads the answer; `None` when the gateway closed without one.
pub(crate) async fn exchange(dial: &Dial, request: &[u8]) -> Option<Answer> {
    within("an answer", async {
        let mut stream = dial.connect().await.expect("the gateway listens");
        // It may close before it has read all of a bad request.
        let _ = stream.write_all(request).await;
        let mut bytes = Vec::new();
        loop {
            let ended = stream.read_buf(&mut bytes).await.unwrap_or(0) == 0;
            let answer = Answer::parse(&bytes, ended);
            if ended || answer.is_some() {
                return answer;
            }
        }
    })
    .await
}
