"""Requests and verified responses with Python's cryptography."""
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509 import ocsp

HASHES = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}
ERRORS = {status: ocsp.OCSPResponseStatus[status] for status in
          ("MALFORMED_REQUEST", "INTERNAL_ERROR", "TRY_LATER", "SIG_REQUIRED", "UNAUTHORIZED")}


def request(certificate, issuer, algorithm="sha1", nonce=None):
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, HASHES[algorithm]())
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), False)
    return builder.build().public_bytes(serialization.Encoding.DER)


def parse(octets):
    return ocsp.load_der_ocsp_response(octets)


def verified(octets, issuer, certificate, algorithm="sha1", nonce=None):
    """The response, with signature, delegation, CertID, times and nonce checked."""
    response = parse(octets)
    assert response.response_status == ocsp.OCSPResponseStatus.SUCCESSFUL, response.response_status
    signer = response.certificates[0] if response.certificates else issuer
    if response.certificates and signer != issuer:
        signer.verify_directly_issued_by(issuer)
        usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING in usage
    verify_signature(response, signer.public_key())
    expected = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, HASHES[algorithm]()).build()
    assert response.hash_algorithm.name == algorithm
    assert response.issuer_name_hash == expected.issuer_name_hash
    assert response.issuer_key_hash == expected.issuer_key_hash
    assert response.serial_number == certificate.serial_number
    now = datetime.datetime.now(datetime.timezone.utc)
    slack = datetime.timedelta(seconds=5)
    assert response.this_update_utc <= now + slack and now < response.next_update_utc
    assert signer.not_valid_before_utc <= response.this_update_utc
    assert response.next_update_utc <= signer.not_valid_after_utc
    if nonce is None:
        assert not [one for one in response.extensions if isinstance(one.value, x509.OCSPNonce)]
    else:
        assert response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
    return response


def verify_signature(response, key):
    data, signature = response.tbs_response_bytes, response.signature
    if isinstance(key, rsa.RSAPublicKey):
        if response.signature_algorithm_oid.dotted_string == "1.2.840.113549.1.1.10":
            pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
            key.verify(signature, data, pss, hashes.SHA256())
        else:
            key.verify(signature, data, padding.PKCS1v15(), response.signature_hash_algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, data, ec.ECDSA(response.signature_hash_algorithm))
    else:
        assert isinstance(key, ed25519.Ed25519PublicKey)
        key.verify(signature, data)
