//! Everyday texts with a secret in them, and ones that look alike and have none.
#![cfg(feature = "alloc")]

use std::format;
use std::string::String;

use super::{Buf, Redactor, Style, Types, Work};
use crate::json::{Limits, Tape, parse};

fn masked(text: &str) -> String {
    let redactor = Redactor::new(Types::ALL, Style::Default);
    let (mut found, mut out) = (Buf::growable(), Buf::growable());
    redactor.scan(text, &mut found).unwrap();
    redactor.mask(text, &found, &mut out).unwrap();
    String::from_utf8(out.to_vec()).unwrap()
}

/// Each `§` stands for a secret that must go, and nothing else may.
fn assert_masked(texts: &[&str]) {
    for secret in [["Zq9xW4hT", "kR7mVb2n"].concat(), ["p7RsJvXy", "XDhfo2eK"].concat()] {
        for text in texts {
            let want = text.replace('§', "[REDACTED]");
            assert_eq!(masked(&text.replace('§', &secret)), want, "{text}");
        }
    }
}

fn assert_untouched(texts: &[&str]) {
    for text in texts {
        assert_eq!(masked(text), *text);
    }
}

#[test]
fn letters_drawn_at_random_are_no_name_of_code() {
    for secret in [["unaDOWiC", "rGdCLJMZ"].concat(), ["qJwOkKOu", "wtgcVlSw"].concat()] {
        for text in
            ["Passwort: §", "Hasło: §\n", "token: §\n", "Mot de passe : §", "x = {token: §}"]
        {
            let want = text.replace('§', "[REDACTED]");
            assert_eq!(masked(&text.replace('§', &secret)), want, "{text}");
        }
    }
    assert_untouched(&[
        "password: userPassword,\n",
        "    token: AccessTokenProvider,\n",
        "secret: clientSecretFromEnvironment\n",
        "Passwort: falsch\n",
        "token: LexerTokenKind\n",
    ]);
}

#[test]
fn prose_names_secrets() {
    assert_masked(&[
        "The password is §, please do not share.",
        "I set your password to §.",
        "Log in with user bob and password §",
        "API key § was leaked",
        "La password è §",
        "Das Passwort ist §.",
        "the secret key is \"§\"",
        "password has been changed to §",
        "use the access token § for now",
    ]);
    assert_untouched(&[
        "The password is required and must be 8 characters.",
        "password must contain digits",
        "The password is SHA256-hashed, the password is Base64-encoded.",
        "derive the password PBKDF2WithHmacSHA256 style",
        "reset your password to Office365 users",
        "a password OAuth2Authenticator needs",
        "the API key is in config/Secrets2.toml",
        "the token is a JsonWebToken2Claims",
        "password /etc/Foo1/Bar2",
        "set password $userPass2",
        "the key to AbstractSyntaxTree2Visitor",
        "token 48b8d39f786f292448b8d39f786f2924 in the cache key aef12bc90aef12bc90",
    ]);
}

#[test]
fn calls_and_pairs() {
    assert_masked(&[
        "define('DB_PASSWORD', '§');",
        "props.setProperty(\"password\", \"§\");",
        "client.setPassword(\"§\")",
        "(\"password\", \"§\"),",
        "ConvertTo-SecureString \"§\" -AsPlainText -Force",
        "public string Password { get; set; } = \"§\";",
        "<tr><td>Password</td><td>§</td></tr>",
        "<dt>Password:</dt>\n  <dd>§</dd>",
        "<key>password</key>\n<string>§</string>",
        "**Password:** §\n",
        "**Password**: §\n",
        "<b>Password:</b> §<br/>",
        "<label>Password</label> <span>§</span>",
        "{\"value\":\"§\",\"name\":\"password\"}",
        "{\"Name\":\"/prod/db_password\",\"Type\":\"SecureString\",\"Value\":\"§\"}",
        "{\\\"Key\\\":\\\"API_TOKEN\\\",\\\"Secure\\\":true,\\\"Value\\\":\\\"§\\\"}",
    ]);
    assert_untouched(&[
        "form.add(\"password\", \"Enter your password\")",
        "getParameter(\"token\", \"default-token\")",
        "<td>Password</td><td>string</td>",
        "<td>token</td><td>The token of the session</td>",
        "setPassword(\"password\")",
        "<key>password</key>\n<string>required</string>",
        "{\"value\":\"blue4Green\",\"name\":\"colour\"}",
        "{\"name\":\"password\",\"next\":{}}, {\"value\":\"Monday27Oct\"}",
        "**Password:** at least 8 characters\n",
    ]);
}

#[test]
fn a_parenthesis_at_the_end_of_a_quoted_value_is_no_call() {
    let secret = ["Zq9xW4hT", "!@#$%^&*()"].concat();
    let text = format!("define( 'AUTH_KEY',         '{secret}' );");
    assert_eq!(masked(&text), "define( 'AUTH_KEY',         '[REDACTED]' );");
}

#[test]
fn settings_of_several_kinds() {
    assert_masked(&[
        "password: >-\n  §\n",
        "password: |\n  §\nport: 1\n",
        "password: &p §\n",
        "password: !!str §\n",
        "variable \"db_password\" {\n  type = string\n  default = \"§\"\n}",
        "password       §\n",
        "requirepass §\n",
        "storePassword \"§\"",
        "proxy_set_header X-Api-Key \"§\";",
        "ENV MYSQL_ROOT_PASSWORD §\n",
        "setx API_KEY \"§\"",
        "CREATE LOGIN bob WITH PASSWORD = N'§'",
        "Driver={X};Server=h;UID=a;PWD={§};",
        "    client-key-data: §\n",
    ]);
    assert_untouched(&[
        "variable \"region\" {\n  default = \"eu-Central-1x\"\n}",
        "password: >-\nnext: 1\n",
        "    client-certificate-data: TUlJQ1hqQ0NBVVlDQ1FE\n",
        "Driver={ODBC Driver 17};Server=h;",
    ]);
}

#[test]
fn arguments_of_programs() {
    assert_masked(&[
        "mysql -u root -p§ db",
        "/usr/bin/mysqldump -h x -p'§' db",
        "sshpass -p '§' ssh bob@x",
        "docker login -u bob -p § reg.example.com",
        "redis-cli -h x -a § ping",
        "mongosh -u bob -p §",
        "ldapsearch -D cn=x -w §",
        "sqlcmd -S x -U sa -P §",
        "unzip -P § a.zip",
        "7z x -p§ a.7z",
        "smbclient //h/s -U user%§",
        "htpasswd -bc f bob §",
        "echo '§' | sudo -S ls",
        "echo § | docker login --password-stdin -u bob",
        "keytool -list -storepass §",
        "az login --service-principal -u x -p § --tenant y",
        "{\"args\": [\"--password\", \"§\"]}",
        "[\"mysql\",\"-u\",\"root\",\"-p§\"]",
        "mysql \\\n  -u root \\\n  -p§",
    ]);
    assert_untouched(&[
        "mkdir -p build/Release2 && cp -p Foo2Bar9x out",
        "ssh -p 2222 bob@host",
        "docker run -p 8080:8080 -w /Srv2App1x img",
        "mysql -p -u root",
        "mysql -u root; mkdir -pArtifacts2Out",
        "redis-cli -p 6379 -a $REDIS_PW",
        "grep -P Foo2Bar9xx file",
        "patch -p1 < Fix2Bar9x.diff",
        "unzip a.zip -d Out2Dir9x",
    ]);
}

#[test]
fn words_with_a_colon() {
    assert_masked(&[
        "db.example.com:5432:mydb:bob:§\n",
        "xfreerdp /u:bob /p:§ /v:h",
        "WIFI:T:WPA;S:net;P:§;;",
        "jdbc:oracle:thin:bob/§@//h:1521/x",
        "echo 'bob:§' | chpasswd",
        "Content-Disposition: form-data; name=\"password\"\r\n\r\n§\r\n--b",
        "<setting name=\"ApiKey\"><value>§</value></setting>",
        "<Password><Value>§</Value></Password>",
        "Initial admin password:\n\n§\n",
        "A temporary password is generated for root@localhost: §\n",
        "Password for bob set to '§'.",
        "enable secret 0 §\n",
        "password <- \"§\"",
        "http -a bob:§ GET https://x",
        "aws ssm put-parameter --name /prod/db_password --type SecureString --value \"§\"",
        "System.setProperty(\"javax.net.ssl.keyStorePassword\", \"§\");",
    ]);
    assert_untouched(&[
        "10:23:45 host:8080:80 up",
        "src/main.rs:1234:fn:x:Foo2BarBaz",
        "a:5432:b:c:d\n",
        "ratio /p:12 net",
        "POST /user:bob OK12 x",
        "P:Monday;Q:x",
        "thin:user/path",
        "echo 'a:b' | wc",
        "Content-Disposition: form-data; name=\"file\"\r\n\r\nRq9xW4hTk2\r\n",
        "  name: x\n\nRq9xW4hTk2",
        "getSecret(\"secret/data/Prod2App\")",
        "password:\n  description: x\n",
        "xcopy --value Foo2Bar9x",
    ]);
}

#[test]
fn a_secret_of_kubernetes_whatever_its_keys() {
    assert_masked(&[
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\ndata:\n  dsn: §\n  b: \"§\"\ntype: Opaque\n",
        "apiVersion: v1\ndata:\n  dsn: §\nkind: Secret\nmetadata:\n  name: x\n",
        "{\"apiVersion\":\"v1\",\"data\":{\"dsn\":\"§\",\"b.c\": \"§\"},\"kind\":\"Secret\"}",
        "{\"kind\": \"Secret\", \"stringData\": {\"x\": \"§\"}, \"type\": \"Opaque\"}",
        "kind: Secret\nstringData:\n  dsn: |\n    §\n    §\n",
    ]);
    assert_untouched(&[
        "kind: ConfigMap\ndata:\n  dsn: Sk5OTVla\n",
        "kind: SecretStore\ndata:\n  a: Rq9xW4hTk2\n",
        "{\"kind\":\"ConfigMap\",\"data\":{\"a\":\"Rq9xW4hTk2\"}}",
        "kind: Secret\nmetadata:\n  name: Rq9xW4hTk2\n",
    ]);
}

#[test]
fn a_member_of_json_is_named_by_its_siblings() {
    let secret = ["Zq9xW4hT", "kR7mVb2n"].concat();
    for (text, count) in [
        ("{\"name\":\"DB_PASSWORD\",\"value\":\"§\"}", 1),
        (
            "{\"Name\":\"/prod/db_password\",\"Type\":\"SecureString\",\"Version\":1,\"Value\":\"§\"}",
            1,
        ),
        ("[{\"value\": \"§\", \"secure\": true, \"key\": \"api_token\"}]", 1),
        ("{\"args\": [\"--password\", \"§\", \"-v\"]}", 1),
        ("{\"a\":{\"value\":\"§\"},\"name\":\"password\"}", 0),
        ("{\"name\":\"colour\",\"value\":\"§\"}", 0),
        ("[{\"name\":\"password\"},{\"value\":\"§\"}]", 0),
        ("[\"--output\", \"§\", \"--password\"]", 0),
    ] {
        let text = text.replace('§', &secret);
        let (mut tape, mut work, mut out) = (Tape::growable(), Work::growable(), Buf::growable());
        let doc = parse(text.as_bytes(), Limits::OUTPUT, &mut tape).unwrap();
        let redactor = Redactor::new(Types::ALL, Style::Default);
        assert_eq!(redactor.redact_json(doc, &mut work, &mut out).unwrap(), count, "{text}");
        assert_eq!(
            String::from_utf8(out.to_vec()).unwrap().contains(&secret),
            count == 0,
            "{text}"
        );
    }
}

#[test]
fn a_name_is_found_in_every_place_of_a_block() {
    for pad in 0..130 {
        let secret = ["Zq9xW4hT", "kR7mVb2n"].concat();
        let text = format!("{} mysql -p{secret} x", "a ".repeat(pad));
        assert!(!masked(&text).contains(&secret), "{pad}");
    }
}
