//! The answer to a request that fails.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ndsharray::{Error, ErrorKind};

/// Why a request fails: a status and one sentence, which the client gets as `{"error": "..."}`.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    #[cold]
    pub fn new(status: StatusCode, text: String) -> Self {
        Refusal { status, text }
    }

    /// Something about the request is wrong.
    #[cold]
    pub fn bad(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text.into())
    }

    /// The server itself is wrong.
    #[cold]
    pub fn bug() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "a bug in the server: the answer could not be made; please report it".to_owned(),
        )
    }

    /// The sentence.
    pub fn text(&self) -> &str {
        &self.text
    }

    #[cfg(test)]
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl From<Error> for Refusal {
    #[cold]
    fn from(error: Error) -> Self {
        if let Error::NotAHeader { .. } = error {
            // The error says how the file begins, which is nobody's business here.
            let text = "no such tag: the file of that name is another program's";
            return Self::new(StatusCode::NOT_FOUND, text.to_owned());
        }
        let status = match error.kind() {
            ErrorKind::NotFound | ErrorKind::Empty => StatusCode::NOT_FOUND,
            ErrorKind::InvalidArgument => StatusCode::BAD_REQUEST,
            ErrorKind::Permission => StatusCode::FORBIDDEN,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(serde_json::json!({ "error": self.text }))).into_response()
    }
}
