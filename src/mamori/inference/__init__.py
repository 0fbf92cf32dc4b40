"""Understanding an outbreak: reproduction number, nowcast, severity, forecast and scores."""
