// An OpenID Connect provider with the accounts of its first argument, a JSON object: {login: claims}.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const { accounts, client, port } = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [client],
  claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"], groups: ["groups"] },
  scopes: ["openid", "profile", "email", "groups"],
  // Its own pages ask for a login and accept every password.
  features: { devInteractions: { enabled: true } },
  // A login becomes an account of this name; one that is not listed has no account.
  findAccount: (_, id) =>
    id in accounts ? { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) } : undefined,
  // As most providers do: the claims are in the ID token.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  cookies: { keys: ["for tests only"] },
});
createServer(provider.callback()).listen(port, "127.0.0.1", () => console.log("ready"));
