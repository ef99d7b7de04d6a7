import java.io.FileInputStream;
import java.net.URI;
import java.nio.file.Path;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateRevokedException;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** Asks a responder with the JDK's own revocation checker: RevocationCheck URL CA LEAF... */
public final class RevocationCheck {
  public static void main(String[] arguments) throws Exception {
    X509Certificate authority = read(arguments[1]);
    for (int index = 2; index < arguments.length; index++) {
      System.out.println(Path.of(arguments[index]).getFileName() + " " + check(arguments[0], authority, read(arguments[index])));
    }
  }

  private static X509Certificate read(String path) throws Exception {
    try (FileInputStream input = new FileInputStream(path)) {
      return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(input);
    }
  }

  private static String check(String url, X509Certificate authority, X509Certificate leaf) throws Exception {
    CertPathValidator validator = CertPathValidator.getInstance("PKIX");
    PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
    checker.setOcspResponder(new URI(url));
    checker.setOptions(EnumSet.of(
        PKIXRevocationChecker.Option.NO_FALLBACK, PKIXRevocationChecker.Option.ONLY_END_ENTITY));
    PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(authority, null)));
    parameters.addCertPathChecker(checker);
    CertPath path = CertificateFactory.getInstance("X.509").generateCertPath(List.of(leaf));
    try {
      validator.validate(path, parameters);
      return "GOOD";
    } catch (CertPathValidatorException failure) {
      if (failure.getCause() instanceof CertificateRevokedException revoked) {
        return "REVOKED " + revoked.getRevocationReason();
      }
      return failure.getReason().toString();
    }
  }
}
