/** The nginx whose behaviour this is, as it goes over the wire and into `-v`. */
export const NGINX_VERSION = '1.31.5';
export const SERVER_VERSION = `nginx/${NGINX_VERSION}`;

/** Our own. */
export const SLUICE_VERSION = '0.1.0';
