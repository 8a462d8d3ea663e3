"""HTTP without sockets: requests and answers as values, the routes of all APIs in bottle, answers kept ready."""
