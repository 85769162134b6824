//! Where a service of AWS is. The SDK's own way to find out reads a list of all of AWS's partitions at every start, more
//! than a tenth of a millisecond; region and endpoint variables say the same.

use aws_sdk_dynamodb::config::endpoint::{Endpoint, EndpointFuture};

/// The address of one service.
#[derive(Clone, Debug)]
pub struct Address(String);

impl Address {
    /// `given`, or where `service` is in `region`, a commercial one, GovCloud's or China's
    /// (<https://docs.aws.amazon.com/general/latest/gr/rande.html>). In other partitions it must be given.
    pub fn new(given: Option<&str>, service: &str, region: &str) -> Address {
        let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        Address(given.map_or_else(|| format!("https://{service}.{region}.{suffix}"), str::to_owned))
    }

    /// Whether it is spoken to without TLS.
    pub fn is_plain(&self) -> bool {
        self.0.starts_with("http://")
    }

    fn endpoint(&self) -> EndpointFuture<'_> {
        EndpointFuture::ready(Ok(Endpoint::builder().url(self.0.clone()).build()))
    }
}

impl aws_sdk_dynamodb::config::endpoint::ResolveEndpoint for Address {
    fn resolve_endpoint<'a>(&'a self, _: &'a aws_sdk_dynamodb::config::endpoint::Params) -> EndpointFuture<'a> {
        self.endpoint()
    }
}

impl aws_sdk_kms::config::endpoint::ResolveEndpoint for Address {
    fn resolve_endpoint<'a>(&'a self, _: &'a aws_sdk_kms::config::endpoint::Params) -> EndpointFuture<'a> {
        self.endpoint()
    }
}

impl aws_sdk_lambda::config::endpoint::ResolveEndpoint for Address {
    fn resolve_endpoint<'a>(&'a self, _: &'a aws_sdk_lambda::config::endpoint::Params) -> EndpointFuture<'a> {
        self.endpoint()
    }
}

impl aws_sdk_ssm::config::endpoint::ResolveEndpoint for Address {
    fn resolve_endpoint<'a>(&'a self, _: &'a aws_sdk_ssm::config::endpoint::Params) -> EndpointFuture<'a> {
        self.endpoint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_given_or_the_regions_own() {
        for (given, region, expected) in [
            (None, "eu-central-1", "https://kms.eu-central-1.amazonaws.com"),
            (None, "us-gov-west-1", "https://kms.us-gov-west-1.amazonaws.com"),
            (None, "cn-north-1", "https://kms.cn-north-1.amazonaws.com.cn"),
            (Some("http://localhost:8000"), "eu-central-1", "http://localhost:8000"),
        ] {
            let address = Address::new(given, "kms", region);
            assert_eq!(address.0, expected);
            assert_eq!(address.is_plain(), given.is_some());
        }
    }
}
