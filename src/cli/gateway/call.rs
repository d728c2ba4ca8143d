//! `gateway call`

use serde_json::Value;

use super::super::{CliError, Context, Exit, Output, Tone, Wish, reach::gateway, target::TargetArgs};

/// Call a method of a gateway and print its answer
#[derive(Debug, clap::Args)]
pub(crate) struct Call {
    /// The method, for example `status` or `device.pair.list`
    method: String,
    /// Its parameters: a JSON5 object
    #[arg(long, value_name = "JSON5", default_value = "{}", value_parser = object)]
    params: Value,
    /// Wait for the final answer of a method that first only accepts
    #[arg(long)]
    expect_final: bool,
    #[command(flatten)]
    pub(super) target: TargetArgs,
}

fn object(text: &str) -> Result<Value, String> {
    match json5::from_str(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("parameters are an object, for example '{\"limit\": 5}'".into()),
        Err(error) => Err(error.to_string()),
    }
}

impl Call {
    pub(super) async fn run(self, context: &Context, output: &mut Output) -> Result<Exit, CliError> {
        let mut session = gateway(context, &self.target, Wish::CALL, output).await?;
        let answer = if self.expect_final {
            session.call_to_the_end(&self.method, Some(&self.params)).await?
        } else {
            session.call(&self.method, Some(&self.params)).await?
        };
        session.close().await;
        if !output.is_json() {
            output.toned(Tone::Heading, &format!("Gateway call: {}", self.method))?;
        }
        output.json(&answer)?;
        Ok(Exit::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        #[rustfmt::skip]
        let rows = [
            ("{}", true), ("{limit: 5, // five\n}", true), (r#"{"a":[1]}"#, true), ("[1]", false), ("5", false), ("{", false),
        ];
        for (text, valid) in rows {
            assert_eq!(object(text).is_ok(), valid, "{text}");
        }
    }
}
